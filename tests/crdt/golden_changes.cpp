// SPDX-License-Identifier: MIT
#include "crdt/golden_changes.h"

#include "crdt/people.h"

namespace kimdb::test {

using crdt::ContainerId;
using crdt::ContainerType;

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
    return golden;
}

}  // namespace kimdb::test
