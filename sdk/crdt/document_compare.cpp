// SPDX-License-Identifier: MIT
// What turns another version of this document into this one, and where each part comes from.
#include <algorithm>
#include <unordered_map>

#include "crdt/document_impl.h"
#include "crdt/state_difference.h"

namespace kimdb::crdt {

namespace {

// A list's places from left to right; a moved element has another place.
using Places = std::vector<std::pair<OpId, Item>>;

std::vector<ListSplice> listSplices(const Places& from, const Places& to) {
    std::unordered_map<OpId, const Item*> was, is;
    for (const auto& [place, item] : from) was.emplace(place, &item);
    for (const auto& [place, item] : to) is.emplace(place, &item);
    // The same in both; what was set is removed and inserted.
    const auto isKept = [&](OpId place) {
        const auto a = was.find(place), b = is.find(place);
        return a != was.end() && b != is.end() && *a->second == *b->second;
    };
    std::vector<ListSplice> splices;
    std::size_t i = 0;
    for (std::size_t k = 0; i < from.size() || k < to.size();) {
        ListSplice splice{k, 0, {}};
        for (; i < from.size() && !isKept(from[i].first); ++i) ++splice.removed;
        for (; k < to.size() && !isKept(to[k].first); ++k) splice.inserted.push_back(to[k].second);
        if (splice.removed > 0 || !splice.inserted.empty()) splices.push_back(std::move(splice));
        for (; i < from.size() && k < to.size() && isKept(from[i].first) && isKept(to[k].first);
             ++i)
            ++k;
    }
    return splices;
}

std::map<std::string, Item> itemsOf(const Container* map) {
    std::map<std::string, Item> items;
    if (!map) return items;
    for (const auto& [key, shown] : map->map.registers()) {
        if (shown.kind == ValueKind::Absent) continue;
        Item& item = items[key];
        item.value = shown.plain();
        if (shown.kind == ValueKind::Container)
            item.container = ContainerId::child(map->id, key, shown.type);
    }
    return items;
}

std::vector<MapUpdate> mapUpdates(const Container* from, const Container* to) {
    const auto before = itemsOf(from), after = itemsOf(to);
    std::vector<MapUpdate> updates;
    for (const auto& [key, item] : before)
        if (!after.contains(key)) updates.push_back({key, item.value, {}, {}, {}});
    for (const auto& [key, item] : after) {
        const auto old = before.find(key);
        if (old != before.end() && old->second == item) continue;
        updates.push_back({key,
                           old == before.end() ? std::nullopt : old->second.value,
                           item.value,
                           {},
                           item.container});
    }
    return updates;
}

// Members by name.
std::map<std::string, Value> membersIn(const Container* set) {
    std::map<std::string, Value> members;
    if (!set) return members;
    for (const auto& [name, shown] : set->map.registers())
        if (shown.kind == ValueKind::Plain) members.emplace(name, shown.value);
    return members;
}

std::vector<SetUpdate> setUpdates(const Container* from, const Container* to) {
    const auto before = membersIn(from), after = membersIn(to);
    std::vector<SetUpdate> updates;
    for (const auto& [name, member] : before)
        if (!after.contains(name)) updates.push_back({member, false});
    for (const auto& [name, member] : after)
        if (!before.contains(name)) updates.push_back({member, true});
    return updates;
}

}  // namespace

Event Document::Impl::eventOf(const ContainerId& id, const Impl& before, const Container* from,
                              const Container* to) const {
    Event event;
    event.container = id;
    event.origin = Origin::Rebuild;
    const auto places = [](const Impl& impl, const Container* list) {
        Places out;
        if (list)
            list->list->forEach([&](const ElementList::Element& element) {
                out.emplace_back(list->list->order().idOf(element.position.slot),
                                 impl.itemOf(element.value));
            });
        return out;
    };
    switch (id.type()) {
        case ContainerType::Text: {
            std::vector<KeptRun> kept;
            event.splices = textSplices(from, to, &kept);
            event.formats = textFormats(spansOf(from), spansOf(to), kept);
            break;
        }
        case ContainerType::List:
            event.list_splices = listSplices(places(before, from), places(*this, to));
            break;
        case ContainerType::Map:
            event.updates = mapUpdates(from, to);
            break;
        case ContainerType::Set:
            event.set_updates = setUpdates(from, to);
            break;
        case ContainerType::Counter: {
            const std::int64_t was = from ? from->counter->value() : 0;
            const std::int64_t now = to ? to->counter->value() : 0;
            if (was != now) event.counter = now;
            break;
        }
    }
    return event;
}

std::vector<Event> Document::Impl::differenceFrom(const Impl& before) const {
    std::map<ContainerId, std::pair<const Container*, const Container*>> both;
    before.containers.forEach([&](const Container& c) { both[c.id].first = &c; });
    containers.forEach([&](const Container& c) { both[c.id].second = &c; });
    std::vector<Event> out;
    for (const auto& [id, states] : both) {
        Event event = eventOf(id, before, states.first, states.second);
        if (!event.splices.empty() || !event.formats.empty() || !event.list_splices.empty() ||
            !event.updates.empty() || !event.set_updates.empty() || event.counter)
            out.push_back(std::move(event));
    }
    return out;
}

// ---- where things come from ----

std::vector<Document::Impl::Source> Document::Impl::sourcesOf(const Container& container) const {
    std::vector<Source> sources;
    if (container.text) {
        std::size_t position = 0;
        container.text->forEachVisible([&](Slot first, std::uint32_t n) {
            for (Slot slot = first; slot < first + n; ++slot) {
                const std::size_t units = container.text->unitsOf(slot);
                sources.push_back({position, units, {}, {}, container.text->idOf(slot)});
                position += units;
            }
        });
    }
    if (container.list)
        container.list->forEach([&](const ElementList::Element& element) {
            sources.push_back({sources.size(), 1, {}, {}, element.value.origin});
        });
    if (container.type == ContainerType::Map || container.type == ContainerType::Set)
        for (const auto& [key, shown] : container.map.registers()) {
            if (shown.kind == ValueKind::Absent) continue;
            const bool is_member = container.type == ContainerType::Set;
            sources.push_back({0, 0, is_member ? std::string() : key,
                               is_member ? std::optional(shown.value) : std::nullopt,
                               shown.origin});
        }
    return sources;
}

}  // namespace kimdb::crdt
