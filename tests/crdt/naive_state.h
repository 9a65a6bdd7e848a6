// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <kimdb/crdt/document.h>

// The semantics once more, as slow and plain as can be, after the reference model: sequences are
// lists with tombstones, an insertion scans, registers are a map, what is toggled off is in a set.
// It shares nothing with the engine but names of containers and plain values; its changes have a
// form of their own. So writing, encoding, integrating and undoing are all checked against it. It
// is itself proven by the reference model's cases (tst_naive_document).
//   naive_state.h     what a set of changes means
//   naive_document.h  what one replica writes
namespace kimdb::test {

enum class NaiveKind {
    Insert,
    InsertItem,
    Delete,
    Set,
    Move,
    Place,
    Add,
    Clear,
    Mark,
    Toggle,
    Expunge
};

//! Ends of every sequence; as origins, anchors and cursors.
inline constexpr OpId kNaiveStart{0, 0}, kNaiveEnd{0, 1};

//! \brief What a register shows; a position register names a slot.
struct Shown {
    enum class What { Absent, Plain, Container, Slot } what = What::Absent;
    Value value;
    crdt::ContainerType type = crdt::ContainerType::Map;
    OpId slot;

    static Shown plain(Value v) { return {What::Plain, std::move(v), {}, {}}; }
    static Shown container(crdt::ContainerType t) { return {What::Container, {}, t, {}}; }
    static Shown at(OpId slot) { return {What::Slot, {}, {}, slot}; }
    bool operator==(const Shown&) const = default;
};

//! \brief Names a register in its container: 'k' key of a map, 'm' member of a set (its encoding),
//! 'v' value and 'p' position of a list's element.
struct RegisterName {
    char what = 'k';
    std::string key;
    OpId element;
    auto operator<=>(const RegisterName&) const = default;
};

struct NaiveAnchor {
    OpId id;
    bool after = false;
    auto operator<=>(const NaiveAnchor&) const = default;
};

//! \brief One operation; which fields count depends on the kind.
struct NaiveOp {
    NaiveKind kind = NaiveKind::Insert;
    crdt::ContainerId box;
    OpId left, right;  //!< Insert, InsertItem, Move; Place: left is the slot
    std::u32string text;
    RegisterName name;                        //!< Set; Move and Place: the element
    Shown value;                              //!< Set, InsertItem, Mark
    std::optional<OpId> origin;               //!< Set, Mark: nullopt is its own id, {} is none
    std::vector<OpId> targets;                //!< Delete, Toggle, Expunge
    std::map<ReplicaId, std::uint64_t> seen;  //!< Clear
    std::string key;                          //!< Mark
    NaiveAnchor from, to;
    std::int64_t delta = 0;
    bool on = false;
    std::map<OpId, char32_t> carried;  //!< Toggle

    std::uint64_t width() const { return kind == NaiveKind::Insert ? text.size() : 1; }
};

//! \brief The operation that made a comment, from its key "#replica.counter"; none for other keys.
OpId commentOf(const std::string& key);

//! \brief Ids that an operation needs to be there.
std::vector<OpId> referencesOf(const NaiveOp& op);

struct NaiveChange {
    ReplicaId replica = 0;
    std::uint64_t first = 0, count = 0;
    std::vector<OpId> deps;
    std::vector<NaiveOp> ops;
    bool is_void = false;
    std::uint64_t signature = 0;  //!< stands for the hash of structure and content

    OpId lastId() const { return {replica, first + count - 1}; }
};

//! \brief What can be planted in the model, to see that a test notices.
enum class Mistake {
    None,
    SiblingsByGreaterId,
    RightOriginsIgnored,
    WritesByArrival,
    LamportsByArrival,
    DeletionsStay,
    ClearingsForgetOne,
    UndoTakesOverwritten,
    MovesCopy,
    MarksByArrival,
    ReferencesNotWaitedFor
};

//! \brief What a replica that has received some changes knows and shows. Positions count Unicode
//! scalar values.
class NaiveState {
 public:
    using Box = crdt::ContainerId;
    using Spans = std::vector<std::pair<std::string, std::map<std::string, Value>>>;
    static constexpr char32_t kGone = 0xFFFFFFFF;  //!< a character that was expunged or trimmed

    void plant(Mistake mistake) { m_mistake = mistake; }
    //! False: equivocation, and nothing happened.
    bool receive(const NaiveChange& change);
    std::set<OpId> missing() const;
    const std::set<OpId>& heads() const { return m_state.heads; }
    const std::map<ReplicaId, std::uint64_t>& version() const { return m_state.version; }
    std::size_t reports() const { return m_reports; }
    const std::vector<NaiveChange>& log() const { return m_log; }  //!< as applied
    void trim();  //!< forgets text that cannot be seen

    Value toValue(const Box& box = Box::root()) const;
    std::u32string text(const Box& text) const;
    std::size_t length(const Box& sequence) const { return shown(sequence).size(); }
    //! Runs of equal attributes; a last one without text holds those of the last paragraph.
    Spans spans(const Box& text) const;
    std::optional<Box> child(const Box& box, const RegisterName& name) const;
    //! The container that a list's item shows, if it shows one.
    std::optional<Box> childAt(const Box& list, std::size_t index) const;
    //! Slots that show an element, in order.
    std::vector<OpId> shown(const Box& sequence, std::optional<OpId> without = {}) const;
    NaiveAnchor cursor(const Box& text, std::size_t position, bool after) const;
    std::size_t resolve(const Box& text, const NaiveAnchor& cursor) const;

 protected:
    struct Register {
        std::uint64_t lamport = 0;
        ReplicaId replica = 0;
        Shown value;
        OpId origin;
    };
    struct Slot {
        OpId left, right, element;
    };
    struct Mark {
        std::uint64_t lamport;
        ReplicaId replica;
        std::string key;
        NaiveAnchor from, to;
        Shown value;
        OpId origin;
    };
    struct Written {  // content of a register or mark, and whose it is
        Shown value;
        OpId origin;
    };
    struct Stretch {
        NaiveAnchor from, to;
        const Mark* winner;
    };
    struct State {
        std::map<ReplicaId, std::uint64_t> version;
        std::map<OpId, std::uint64_t> ends;  // lamport of the last counter of each change
        std::set<OpId> heads;
        std::map<Box, std::map<RegisterName, Register>> registers;
        std::map<Box, std::vector<OpId>> order;
        std::map<Box, std::map<OpId, Slot>> places;
        std::map<OpId, char32_t> chars;
        std::map<OpId, std::set<OpId>> deletions;
        std::map<Box, std::vector<Mark>> marks;
        std::map<Box, std::vector<std::pair<OpId, std::int64_t>>> increments;
        std::map<Box, std::vector<std::pair<OpId, std::map<ReplicaId, std::uint64_t>>>> clearings;
        std::set<OpId> off, gone;
    };

    std::uint64_t lamportOf(const NaiveChange& change) const;
    void finish(NaiveChange change, std::uint64_t lamport);
    void rebuild();
    //! False: it breaks a rule, and only facts in its past say so.
    bool apply(const NaiveOp& op, OpId id, std::uint64_t lamport);
    Written get(const Box& box, const RegisterName& name) const;
    const std::vector<OpId>& order(const Box& box) const;
    long indexOf(const Box& box, OpId id) const;
    const std::vector<Mark>& marks(const Box& box) const;
    std::vector<Stretch> stretches(const Box& box, const std::string& key, NaiveAnchor from,
                                   NaiveAnchor to) const;
    std::map<std::string, const Mark*> attributes(const Box& box, long index) const;

    bool errs(Mistake mistake) const { return m_mistake == mistake; }

    State m_state;
    std::vector<NaiveChange> m_log;

 private:
    bool has(OpId id) const;
    std::uint64_t lamportOf(OpId id) const;
    std::set<OpId> missing(const NaiveChange& change) const;
    void integrate(NaiveChange change);
    bool place(const Box& box, const std::vector<OpId>& ids, OpId left, OpId right, OpId element);
    void write(const Box& box, const RegisterName& name, std::uint64_t lamport, ReplicaId replica,
               const Shown& value, OpId origin);
    void expunge(const std::vector<OpId>& ids);
    void scrub(NaiveChange& change) const;
    bool isElement(const Box& box, OpId id) const;
    bool isAlive(OpId id) const;
    Value valueOf(const Box& box, const RegisterName& name) const;
    std::int64_t count(const Box& counter) const;
    long where(const Box& box, const NaiveAnchor& anchor) const;
    const Mark* winner(const Box& box, const std::string& key, long from, long to) const;
    void pruneMarks(const Box& box);

    Mistake m_mistake = Mistake::None;
    std::map<OpId, NaiveChange> m_pending;
    std::size_t m_reports = 0;
    mutable std::map<Box, std::map<OpId, long>> m_index;  // of `order`, made again when it grew
};

//! \brief The value at a key, or an empty one.
template <class Map, class Key>
const typename Map::mapped_type& orNone(const Map& map, const Key& key) {
    static const typename Map::mapped_type none{};
    const auto found = map.find(key);
    return found == map.end() ? none : found->second;
}

}  // namespace kimdb::test
