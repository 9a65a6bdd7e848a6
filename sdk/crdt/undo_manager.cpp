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
    step.rewrite.reset();
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

void UndoManager::capture(Container& container, UndoRewrite rewrite) {
    fresh(container).rewrite = std::make_shared<UndoRewrite>(std::move(rewrite));
}

// Typing on makes one long step of many short ones.
void UndoManager::append(UndoItem& item, const UndoStep& step) {
    UndoStep* last = item.steps.empty() ? nullptr : &item.steps.back();
    const bool joins = last && last->container == step.container && last->isToggle() &&
                       step.isToggle() && last->inserts == step.inserts &&
                       last->targets.back().end() <= step.targets[0].first;
    if (!joins) return item.steps.push_back(step);
    auto from = step.targets.begin();
    if (last->targets.back().end() == from->first) last->targets.back().count += from++->count;
    last->targets.insert(last->targets.end(), from, step.targets.end());
    last->text.append(step.text);
}

void UndoManager::begin(std::string_view tag) {
    m_passes = !m_filter || m_filter(tag);
    m_selection_at_begin = m_selection;
}

void UndoManager::beginGroup() {
    if (m_groups++ == 0) m_is_in_group = false;
}

void UndoManager::endGroup() {
    if (--m_groups == 0) m_is_capturing = false;
}

void UndoManager::setSelection(std::optional<Selection> selection) {
    m_selection = std::move(selection);
    if (m_is_newest_done && !m_undos.empty()) m_undos.back().after = m_selection;
}

void UndoManager::keep(std::int64_t time_ms) {
    if (!m_passes) forget();
    if (m_count == 0) return;
    if (!m_redos.empty()) m_redos.clear();
    const std::int64_t gap_ms = time_ms - m_time_ms;
    const bool in_time = m_interval_ms > 0 && gap_ms >= 0 && gap_ms <= m_interval_ms;
    const bool joins = m_groups > 0 ? m_is_in_group : m_is_capturing && in_time;
    if (!joins || m_undos.empty()) {
        m_undos.push_back({{}, m_selection_at_begin, {}});
        if (m_undos.size() > m_depth) m_undos.pop_front();
    }
    if (!m_undos.empty()) {
        for (std::size_t i = 0; i < m_count; ++i) append(m_undos.back(), m_current[i]);
        m_undos.back().after = m_selection;
    }
    m_count = 0;
    m_time_ms = time_ms;
    m_is_capturing = m_is_newest_done = true;
    m_is_in_group = m_groups > 0;
}

void UndoManager::restore(std::deque<UndoItem> undos, std::deque<UndoItem> redos) {
    m_undos = std::move(undos);
    m_redos = std::move(redos);
    setDepth(m_depth);
}

UndoItem UndoManager::take(std::deque<UndoItem>& stack) {
    m_is_capturing = m_is_in_group = m_is_newest_done = false;
    if (stack.empty()) return {};
    UndoItem item = std::move(stack.back());
    stack.pop_back();
    return item;
}

void UndoManager::push(std::deque<UndoItem>& stack, UndoItem item) {
    if (item.steps.empty()) return;
    stack.push_back(std::move(item));
    if (stack.size() > m_depth) stack.pop_front();
}

}  // namespace kimdb::crdt
