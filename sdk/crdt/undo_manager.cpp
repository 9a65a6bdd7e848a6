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
    m_count = 0;
    m_is_capturing = false;
}

UndoStep& UndoManager::fresh(Container& container) {
    if (m_current.size() == m_count) m_current.emplace_back();
    UndoStep& step = m_current[m_count++];
    step.container = &container;
    step.targets.clear();
    step.text.clear();
    step.write.reset();
    return step;
}

void UndoManager::captureToggle(Container& container, IdRun target, bool inserts,
                                std::string_view text) {
    if (m_count > 0) {
        UndoStep& last = m_current[m_count - 1];
        if (last.container == &container && last.isToggle() && last.inserts == inserts) {
            IdRun& run = last.targets.back();
            if (run.end() == target.first)
                run.count += target.count;
            else
                last.targets.push_back(target);
            last.text.append(text);
            return;
        }
    }
    UndoStep& step = fresh(container);
    step.targets.push_back(target);
    step.inserts = inserts;
    step.text.assign(text);
}

void UndoManager::captureWrite(Container& container, UndoWrite write) {
    fresh(container).write = std::make_shared<UndoWrite>(std::move(write));
}

// Typing on makes one long step of many short ones.
void UndoManager::append(UndoItem& item, const UndoStep& step) {
    UndoStep* last = item.empty() ? nullptr : &item.back();
    const bool joins = last && last->container == step.container && last->isToggle() &&
                       step.isToggle() && last->inserts == step.inserts &&
                       last->targets.back().end() <= step.targets[0].first;
    if (!joins) return item.push_back(step);
    auto from = step.targets.begin();
    if (last->targets.back().end() == from->first) last->targets.back().count += from++->count;
    last->targets.insert(last->targets.end(), from, step.targets.end());
    last->text.append(step.text);
}

void UndoManager::keep(std::int64_t time_ms) {
    if (m_count == 0) return;
    if (!m_redos.empty()) m_redos.clear();
    const std::int64_t gap_ms = time_ms - m_time_ms;
    const bool joins = m_is_capturing && !m_undos.empty() && m_interval_ms > 0 && gap_ms >= 0 &&
                       gap_ms <= m_interval_ms;
    if (!joins) {
        m_undos.emplace_back();
        if (m_undos.size() > m_depth) m_undos.pop_front();
    }
    if (!m_undos.empty())
        for (std::size_t i = 0; i < m_count; ++i) append(m_undos.back(), m_current[i]);
    m_count = 0;
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
