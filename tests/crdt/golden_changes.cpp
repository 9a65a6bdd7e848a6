// SPDX-License-Identifier: MIT
#include "crdt/golden_changes.h"

#include <functional>

#include "crdt/op_codec.h"
#include "crdt/people.h"

namespace kimdb::test {

using crdt::ContainerId;
using crdt::ContainerType;
using crdt::kEndId;
using crdt::kStartId;
using crdt::OpWriter;
using crdt::OriginKind;
using crdt::ValueKind;
using crdt::Written;

namespace {

using Add = std::function<void(const char* name, const Person& author, const char* structure,
                               const char* content)>;

void addLists(Person& a, Person& b, const Add& add) {
    a.creates("l", ContainerType::List);
    add("create a list", a, "0400016c04", "");
    a.edits([](crdt::Document& d) { d.insertItems(kList, 0, {1, "two", 3}); });
    add("insert three elements", a, "0202016c0200013232", "08030214050374776f080306");
    b.edits([](crdt::Document& d) { d.moveItem(kList, 0, 2); });
    add("move an element", b, "0502016c020325032701", "");
    b.edits([](crdt::Document& d) { d.setItem(kList, 0, "zwei"); });
    add("set an element to text", b, "0402016c020308070605040302012601", "1805047a776569");
    a.edits([](crdt::Document& d) {
        const ContainerId child = d.insertContainer(kList, 1, ContainerType::Map);
        d.set(child, "k", 1);
    });
    add("a container in a list", a, "4202016c020202020100040108070605040302012800016b01", "080302");
    a.edits([](crdt::Document& d) { d.removeItems(kList, 0, 3); });
    add("delete elements", a, "2302016c02000402", "");
    a.undoes();
    add("undo a deletion of elements", a, "0a02016c0201010000", "");
    b.undoes();
    add("undo of a value", b, "4402016c020326010326", "14050374776f");
    b.undoes();
    add("undo a move", b, "0602016c02030807060504030201250325", "");
    a.creates("s", ContainerType::Set);
    add("create a set", a, "0400017305", "");
    b.edits([](crdt::Document& d) { d.addMember(kSet, "member"); });
    add("add a member", b, "04020173031723f7cd66452110d6a6edc56d2e303101", "2005066d656d626572");
    a.edits([](crdt::Document& d) { d.removeMember(kSet, "member"); });
    add("remove a member", a, "04020173031723f7cd66452110d6a6edc56d2e303100", "");
}

void addMarks(Person& a, Person& b, const Add& add) {
    a.edits([](crdt::Document& d) {
        d.createContainer(kRoot, "t", ContainerType::Text);
        d.insertText(kText, 0, u"a line\n");
    });
    add("a text again", a, "0400017403010201740100022d07", "1c61206c696e650a");
    b.edits([](crdt::Document& d) { d.mark(kText, 0, 4, "bold", true); });
    add("mark", b, "09020174010104626f6c64032f0333", "0402");
    a.edits([](crdt::Document& d) { d.unmark(kText, 1, 2, "bold", crdt::Expand::None); });
    add("unmark", a, "09020174010404626f6c6402060205", "");
    std::string key;
    a.edits([&](crdt::Document& d) { key = d.comment(kText, 2, 4, "note"); });
    add("comment", a, "89020174010d02060203", "1805046e6f7465");
    a.edits([&](crdt::Document& d) { d.removeComment(kText, key); });
    add("remove a comment", a, "89020174010602010001", "");
    a.undoes();
    add("undo a removal", a, "a902017401020202000208d9050203020902060203b9060204020701",
        "1805046e6f7465");
    b.edits([](crdt::Document& d) { d.setBlock(kText, 0, "heading", Value(1)); });
    add("attribute of a paragraph", b, "0902017401050768656164696e6703350335", "080302");
    a.written.push_back(a.doc.expunge(a.doc.idsOf(kText, 0, 1), 1'700'000'000'000));
    add("expunge a character", a, "2b000d00", "");
}

}  // namespace

std::vector<GoldenChange> goldenChanges() {
    Person a(0x0102030405060708), b(0x1112131415161718);
    std::vector<GoldenChange> golden;
    const auto add = [&](const char* name, const Person& author, const char* structure,
                         const char* content) {
        golden.push_back({name, author.written.back(), structure, content});
        sync(a, b);
    };
    a.doc.begin();
    a.doc.createContainer(kRoot, "t", ContainerType::Text);
    a.doc.insertText(kText, 0, u"héllo 😀");
    a.written.push_back(*a.doc.commit(1'700'000'000'000));
    add("create and insert", a, "04000174030102017401000107", "2c68c3a96c6c6f20f09f9880");
    a.inserts(8, u"!");
    add("keystroke", a, "10", "0421");
    a.inserts(9, u"a run of twenty char");
    add("long run", a, "0014", "50612072756e206f66207477656e74792063686172");
    b.inserts(2, std::u16string(70, u'p'));
    add("two leaves", b, "01020174010303030446",
        "8002707070707070707070707070707070707070707070707070707070707070707070"
        "7070707070707070707070707070707070707070707070707070707070707018707070"
        "707070");
    a.removes(0, 1);
    add("delete one run", a, "2302017401001c00", "");
    b.removes(0, 76);
    add("delete runs of two replicas", b, "0302017401020101030500014645", "");
    b.undoes();
    add("undo a deletion", b, "0a020174010101004c",
        "9002c3a96c6c6f20f09f98807070707070707070707070707070707070707070707070"
        "7070707070707070707070707070707070707070707070707070707070707070707070"
        "30707070707070707070707070");
    a.undoes();
    add("undo a deletion of others too", a, "0a0201740101010001", "0468");
    a.undoes();
    add("undo an insertion", a, "0a0201740101161300", "");
    a.redoes();
    add("redo an insertion", a, "2a0201740101171314", "50612072756e206f66207477656e74792063686172");
    b.puts(kRoot, "key", Value::Object{{"a", Value::Array{1, 2.5, nullptr, true}}});
    add("set", b, "0400036b657901", "4c08010161070403020400000000000004400002");
    b.puts(kRoot, "key", "new");
    add("set a string", b, "0400036b657901", "1405036e6577");
    b.undoes();
    add("set back to the old origin", b, "4400036b6579010202",
        "4c08010161070403020400000000000004400002");
    b.undoes();
    add("set back to absent", b, "2400036b657900", "");
    a.creates("c", ContainerType::Counter);
    add("create a counter", a, "0400016306", "");
    a.counts(-300);
    add("increment", a, "0702016304d704", "");
    b.counts(5);
    add("increment by another", b, "07020163040a", "");
    b.drops("c");
    add("clear and remove", b, "08020163040201080706050403020123004d0400016300", "");
    b.drops("t");
    add("clear a text", b, "03020174010201080706050403020101021b00014f450400017400", "");
    addLists(a, b, add);
    addMarks(a, b, add);
    return golden;
}

namespace {

constexpr ReplicaId kAuthor = 0x0102030405060708;
constexpr ReplicaId kOther = 0x1112131415161718;
const ContainerId kInner = ContainerId::element({kOther, 4}, ContainerType::Map);
const ContainerId kInnerText = ContainerId::child(kInner, "t", ContainerType::Text);
const Bytes kSeven = Value(7).encode();
const Written kPlain{ValueKind::Plain, kSeven};
const Written kNamed{ValueKind::Plain, kSeven, ContainerType::Map, OriginKind::Named, {kOther, 3}};
const Written kAbsent{ValueKind::Absent, {}, ContainerType::Map, OriginKind::None, {}};

// Changes of one author that know what another one wrote.
struct Forms {
    std::vector<GoldenChange> golden;

    void add(const char* name, void (*write)(OpWriter&), const char* structure,
             const char* content) {
        OpWriter out;
        Change change;
        change.replica = kAuthor;
        change.first = 100;
        change.deps = {{kOther, 9}};
        out.begin(kAuthor, 100, change.deps);
        write(out);
        change.count = out.counter() - 100;
        change.structure = out.structure();
        change.content = out.content();
        golden.push_back({name, change, structure, content});
    }
};

void addFormsOfLists(Forms& forms) {
    forms.add(
        "insert elements",
        [](OpWriter& out) {
            out.insertElement(kList, kStartId, {kOther, 5}, kPlain);
            out.insertElement(kList, {kAuthor, 100}, {kOther, 5}, kPlain);
            out.insertElement(kList, {kAuthor, 101}, {kOther, 5},
                              {ValueKind::Container, {}, ContainerType::Text});
            out.insertElement(kList, {kAuthor, 90}, kEndId, kPlain);
        },
        "0202016c0200030532720112020d01", "08030e08030e08030e");
    forms.add(
        "move and put back",
        [](OpWriter& out) {
            out.move(kList, {kOther, 5}, {kAuthor, 90}, kEndId);
            out.position(kList, {kOther, 5}, {kAuthor, 80});
        },
        "0502016c020305020a011603050215", "");
    forms.add(
        "set an element",
        [](OpWriter& out) {
            out.setElement(kList, {kOther, 5}, kNamed);
            out.setElement(kList, {kAuthor, 7}, {ValueKind::Container, {}, ContainerType::Counter});
        },
        "4402016c02030501030314025e06", "08030e");
    forms.add(
        "add a member, take it away",
        [](OpWriter& out) {
            const Hash16 name = crdt::memberName(kSeven);
            out.set(kSet, name.view(), kPlain);
            out.set(kSet, name.view(), kAbsent);
        },
        "04020173035dc3fea3890dcf88c183a102d46928d901345dc3fea3890dcf88c183a102"
        "d46928d900",
        "08030e");
}

void addOtherForms(Forms& forms) {
    forms.add(
        "marks",
        [](OpWriter& out) {
            out.mark(kInnerText, {"bold", {}}, {{kOther, 1}, false}, {{kOther, 4}, true}, kPlain);
            out.mark(kInnerText, {"link", {}}, {kStartId, true}, {kEndId, false}, kAbsent);
            out.mark(kInnerText, {}, {{kAuthor, 90}, false}, {{kAuthor, 91}, true}, kPlain);
            out.mark(kInnerText, {"", {kOther, 8}}, {kStartId, true}, {kEndId, true}, kNamed);
        },
        "0903181716151413121104000174010504626f6c64030103043902046c696e6b000199"
        "0d020c020bd907030800010303",
        "08030e08030e08030e");
    forms.add(
        "a toggle that carries some text",
        [](OpWriter& out) {
            out.togglePartly(kText, false, {{kAuthor, 10, 2}, {kAuthor, 20, 1}}, 200,
                             {{3, 70}, {9, 2}});
            out.text(std::string(70, 'a'));
            out.text("\xC3\xA9z");
        },
        "4a02017401025a010800c8010203450901",
        "8002616161616161616161616161616161616161616161616161616161616161616161"
        "6161616161616161616161616161616161616161616161616161616161616118616161"
        "6161610cc3a97a");
    forms.add(
        "expunge",
        [](OpWriter& out) {
            out.expunge({{kAuthor, 50, 3}});
        },
        "2b003202", "");
    forms.add(
        "expunge of many",
        [](OpWriter& out) {
            out.expunge({{kAuthor, 50, 3}, {kAuthor, 60, 1}, {kOther, 2, 1}});
        },
        "0b0200023202070001010200", "");
}

}  // namespace

std::vector<GoldenChange> goldenForms() {
    Forms forms;
    addFormsOfLists(forms);
    addOtherForms(forms);
    return forms.golden;
}

}  // namespace kimdb::test
