// SPDX-License-Identifier: MIT
#pragma once

//! Everything an application needs.
#include <kimdb/database.h>
#include <kimdb/document.h>
#include <kimdb/presence.h>
#include <kimdb/sync_status.h>
#include <kimdb/undo_manager.h>
