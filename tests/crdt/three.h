// SPDX-License-Identifier: MIT
#pragma once

#include <QtTest>

#include <string>

#include "crdt/people.h"

namespace kimdb::test {

//! \brief Three people who share a text from the start.
struct Three {
    Person a{1}, b{2}, c{3};

    explicit Three(const std::u16string& text = {}) {
        a.doc.begin();
        a.doc.createContainer(kRoot, "t", crdt::ContainerType::Text);
        a.doc.insertText(kText, 0, text);
        a.written.push_back(*a.doc.commit(1, false));
        meet();
    }
    void meet() { sync(a, b, c); }
    void show(const std::string& text) {
        meet();
        QCOMPARE(a.text(), text);
        QCOMPARE(b.text(), text);
        QCOMPARE(c.text(), text);
        for (const Person* p : {&a, &b, &c}) {
            QVERIFY(!p->doc.checkInvariants());
            QVERIFY(p->doc.missing().empty());
        }
    }
};

}  // namespace kimdb::test
