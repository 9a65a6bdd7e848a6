// SPDX-License-Identifier: MIT
#include "crdt/undo_manager.h"

#include <utility>

namespace kimdb::crdt {

void UndoManager::setDepth(std::size_t items) {
    m_depth = items;
    while (m_undos.size() > m_depth) m_undos.pop_front();
    while (m_redos.size() > m_depth) m_redos.pop_front();
}

void UndoManager::clear() {
    m_undos.clear();
    m_redos.clear();
    forget();
    m_is_capturing = false;
}

// ---- packed items ----

UndoManager::Packed::Packed(const UndoItem& item) : before(item.before), after(item.after) {
    for (const UndoStep& step : item.steps) {
        if (!step.isToggle()) {
            add(*step.container, step.rewrite);
            continue;
        }
        std::string_view added = step.text;
        for (const IdRun& target : step.targets)
            add(*step.container, target, step.inserts, std::exchange(added, {}));
    }
}

UndoItem UndoManager::Packed::unpack() const {
    UndoItem item{{}, before, after};
    item.steps.reserve(steps.size());
    std::size_t target = 0;
    std::size_t at = 0;
    for (const Step& packed : steps) {
        UndoStep& step = item.steps.emplace_back();
        step.container = packed.container;
        step.inserts = packed.inserts;
        if (packed.rewrite > 0) step.rewrite = rewrites[packed.rewrite - 1];
        for (; target < packed.targets_end; ++target)
            step.targets.push_back({author, targets[target].first, targets[target].count});
        step.text = text.substr(at, packed.text_end - at);
        at = packed.text_end;
    }
    return item;
}

// Typing on makes one long step of many short ones.
void UndoManager::Packed::add(Container& container, IdRun target, bool inserts,
                              std::string_view added) {
    author = target.replica;
    text.append(added);
    Step* last = steps.empty() ? nullptr : &steps.back();
    const bool is_like = last && last->container == &container && last->rewrite == 0 &&
                         last->inserts == static_cast<std::uint32_t>(inserts);
    const std::uint64_t end = is_like ? targets.back().first + targets.back().count : 0;
    if (!is_like || end > target.first) {
        steps.push_back({&container, 0, 0, inserts, 0});
        last = &steps.back();
    }
    if (end == target.first)
        targets.back().count += target.count;
    else
        targets.push_back({target.first, target.count});
    last->targets_end = static_cast<std::uint32_t>(targets.size());
    last->text_end = text.size();
}

void UndoManager::Packed::add(Container& container, std::shared_ptr<UndoRewrite> rewrite) {
    rewrites.push_back(std::move(rewrite));
    steps.push_back({&container, text.size(), static_cast<std::uint32_t>(targets.size()), 0,
                     static_cast<std::uint32_t>(rewrites.size())});
}

void UndoManager::Packed::append(const Packed& other) {
    std::size_t target = 0;
    std::size_t at = 0;
    for (const Step& step : other.steps) {
        if (step.rewrite > 0) add(*step.container, other.rewrites[step.rewrite - 1]);
        for (; target < step.targets_end; ++target) {
            const Target& run = other.targets[target];
            add(*step.container, {other.author, run.first, run.count}, step.inserts,
                std::string_view(other.text).substr(at, step.text_end - at));
            at = step.text_end;
        }
    }
}

void UndoManager::Packed::clear() {
    if (steps.empty()) return;
    steps.clear();
    targets.clear();
    text.clear();
    rewrites.clear();
}

std::optional<std::string> UndoManager::Packed::checkInvariants() const {
    std::size_t target = 0;
    std::size_t at = 0;
    std::size_t rewrite = 0;
    for (const Step& step : steps) {
        const bool has_targets = step.targets_end > target;
        if (!step.container || step.text_end < at) return "undo: a step's text";
        if (has_targets == (step.rewrite > 0) || step.targets_end < target)
            return "undo: a step's targets";
        if (step.rewrite > 0 && step.rewrite != ++rewrite) return "undo: a rewrite";
        for (std::size_t i = target + 1; i < step.targets_end; ++i)
            if (targets[i - 1].first + targets[i - 1].count >= targets[i].first)
                return "undo: targets are not in order";
        target = step.targets_end;
        at = step.text_end;
    }
    const bool is_all = target == targets.size() && at == text.size() && rewrite == rewrites.size();
    return is_all ? std::nullopt : std::optional<std::string>("undo: more than the steps");
}

std::optional<std::string> UndoManager::checkInvariants() const {
    for (const auto* stack : {&m_undos, &m_redos})
        for (const Packed& item : *stack)
            if (auto bad = item.checkInvariants()) return bad;
    return m_current.checkInvariants();
}

// ---- a transaction in progress ----

void UndoManager::captureToggle(Container& container, IdRun target, bool inserts,
                                std::string_view text) {
    if (!m_single.container && m_current.steps.empty()) {
        m_single.container = &container;
        m_single.target = target;
        m_single.inserts = inserts;
        m_single.text.assign(text);
        return;
    }
    unfoldSingle();
    m_current.add(container, target, inserts, text);
}

void UndoManager::capture(Container& container, UndoRewrite rewrite) {
    unfoldSingle();
    m_current.add(container, std::make_shared<UndoRewrite>(std::move(rewrite)));
}

void UndoManager::unfoldSingle() {
    if (!m_single.container) return;
    m_current.add(*m_single.container, m_single.target, m_single.inserts, m_single.text);
    m_single.container = nullptr;
}

void UndoManager::begin(std::string_view tag) {
    m_passes = !m_filter || m_filter(tag);
    if (m_selection || m_selection_at_begin) m_selection_at_begin = m_selection;
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
    if (!m_single.container && m_current.steps.empty()) return;
    if (!m_redos.empty()) m_redos.clear();
    const std::int64_t gap_ms = time_ms - m_time_ms;
    const bool in_time = m_interval_ms > 0 && gap_ms >= 0 && gap_ms <= m_interval_ms;
    const bool joins = m_groups > 0 ? m_is_in_group : m_is_capturing && in_time;
    if (!joins || m_undos.empty()) {
        m_undos.emplace_back().before = m_selection_at_begin;
        if (m_undos.size() > m_depth) m_undos.pop_front();
    }
    if (!m_undos.empty()) {
        Packed& item = m_undos.back();
        if (m_single.container)
            item.add(*m_single.container, m_single.target, m_single.inserts, m_single.text);
        else
            item.append(m_current);
        if (m_selection || item.after) item.after = m_selection;
    }
    forget();
    m_time_ms = time_ms;
    m_is_capturing = m_is_newest_done = true;
    m_is_in_group = m_groups > 0;
}

std::deque<UndoItem> UndoManager::unpacked(const std::deque<Packed>& stack) {
    std::deque<UndoItem> items;
    for (const Packed& packed : stack) items.push_back(packed.unpack());
    return items;
}

void UndoManager::restore(const std::deque<UndoItem>& undos, const std::deque<UndoItem>& redos) {
    m_undos.clear();
    m_redos.clear();
    for (const UndoItem& item : undos) m_undos.emplace_back(item);
    for (const UndoItem& item : redos) m_redos.emplace_back(item);
    setDepth(m_depth);
}

UndoItem UndoManager::take(std::deque<Packed>& stack) {
    m_is_capturing = m_is_in_group = m_is_newest_done = false;
    if (stack.empty()) return {};
    UndoItem item = stack.back().unpack();
    stack.pop_back();
    return item;
}

void UndoManager::push(std::deque<Packed>& stack, const UndoItem& item) {
    if (item.steps.empty()) return;
    stack.emplace_back(item);
    if (stack.size() > m_depth) stack.pop_front();
}

}  // namespace kimdb::crdt
