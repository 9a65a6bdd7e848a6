// SPDX-License-Identifier: MIT
#include "crdt/undo_manager.h"

namespace kimdb::crdt {

void UndoManager::setDepth(std::size_t items) {
    m_depth = items;
    while (m_undos.size() > m_depth) m_undos.pop_front();
    while (m_redos.size() > m_depth) m_redos.pop_front();
}

void UndoManager::clear() {
    m_undos.clear();
    m_redos.clear();
    m_current.clear();
    m_is_capturing = false;
}

void UndoManager::captureToggle(Container& container, IdRun target, bool inserts,
                                std::string_view text) {
    if (!m_current.empty()) {
        UndoStep& last = m_current.back();
        if (last.container == &container && !last.targets.empty() && last.inserts == inserts) {
            IdRun& run = last.targets.back();
            if (run.end() == target.first)
                run.count += target.count;
            else
                last.targets.push_back(target);
            last.text.append(text);
            return;
        }
    }
    UndoStep& step = m_current.emplace_back();
    step.container = &container;
    step.targets.push_back(target);
    step.inserts = inserts;
    step.text = text;
}

void UndoManager::captureRegister(Container& container, std::string_view key, Register before,
                                  Register after) {
    UndoStep& step = m_current.emplace_back();
    step.container = &container;
    step.key = key;
    step.before = std::move(before);
    step.after = std::move(after);
}

// Typing on makes one long step of many short ones.
void UndoManager::append(UndoItem& item, UndoStep step) {
    if (!item.empty() && !step.targets.empty()) {
        UndoStep& last = item.back();
        if (last.container == step.container && !last.targets.empty() &&
            last.inserts == step.inserts && last.targets.back().end() <= step.targets[0].first) {
            std::size_t from = 0;
            if (last.targets.back().end() == step.targets[0].first)
                last.targets.back().count += step.targets[from++].count;
            last.targets.insert(last.targets.end(), step.targets.begin() + static_cast<long>(from),
                                step.targets.end());
            last.text.append(step.text);
            return;
        }
    }
    item.push_back(std::move(step));
}

void UndoManager::keep(std::int64_t time_ms) {
    if (m_current.empty()) return;
    m_redos.clear();
    const std::int64_t gap_ms = time_ms - m_time_ms;
    const bool joins = m_is_capturing && !m_undos.empty() && m_interval_ms > 0 && gap_ms >= 0 &&
                       gap_ms <= m_interval_ms;
    if (joins) {
        for (UndoStep& step : m_current) append(m_undos.back(), std::move(step));
        m_current.clear();
    } else {
        push(m_undos, std::move(m_current));
        m_current = {};
    }
    m_time_ms = time_ms;
    m_is_capturing = true;
}

UndoItem UndoManager::take(std::deque<UndoItem>& stack) {
    m_is_capturing = false;
    if (stack.empty()) return {};
    UndoItem item = std::move(stack.back());
    stack.pop_back();
    return item;
}

void UndoManager::push(std::deque<UndoItem>& stack, UndoItem item) {
    if (item.empty()) return;
    stack.push_back(std::move(item));
    if (stack.size() > m_depth) stack.pop_front();
}

}  // namespace kimdb::crdt
