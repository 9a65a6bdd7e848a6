# SPDX-License-Identifier: MIT
# One layer = one folder = one namespace = one target. A layer's CMakeLists.txt is a list.

# kimdb_add_layer(NAME SOURCES … DEPENDS layer… [LINK_PUBLIC lib…] [LINK_PRIVATE lib…] [QT])
#   Makes kimdb_NAME (alias KimDB::NAME with a capital). QT runs moc on the sources.
function(kimdb_add_layer name)
    cmake_parse_arguments(ARG "QT" "" "SOURCES;DEPENDS;LINK_PUBLIC;LINK_PRIVATE" ${ARGN})
    add_library(kimdb_${name} ${ARG_SOURCES})
    kimdb_target_defaults(kimdb_${name})
    if(ARG_QT)
        set_target_properties(kimdb_${name} PROPERTIES AUTOMOC ON)
    endif()
    target_include_directories(kimdb_${name}
        PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/sdk/include> $<INSTALL_INTERFACE:include>
               $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/sdk>)
    list(TRANSFORM ARG_DEPENDS PREPEND kimdb_)
    target_link_libraries(kimdb_${name} PUBLIC ${ARG_DEPENDS} ${ARG_LINK_PUBLIC} PRIVATE ${ARG_LINK_PRIVATE})
    set_property(GLOBAL APPEND PROPERTY KIMDB_LAYERS kimdb_${name})
endfunction()

# kimdb_target_defaults(TARGET): the language level and the warnings every target of the project gets.
function(kimdb_target_defaults target)
    target_compile_features(${target} PUBLIC cxx_std_20)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
        -Woverloaded-virtual -Wno-missing-field-initializers)
    set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
    # AUTOMOC is opt-in per target; the Qt-free layers must not pay for it.
    set_target_properties(${target} PROPERTIES AUTOMOC OFF AUTOUIC OFF)
endfunction()

# kimdb_add_test(NAME SOURCES … LINK target… [LABELS l…] [TIMEOUT s] [COMMAND_ARGS a…])
#   A Qt Test executable that ctest runs. Labels pick what the sanitizer presets run.
function(kimdb_add_test name)
    cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LINK;LABELS;COMMAND_ARGS" ${ARGN})
    add_executable(${name} ${ARG_SOURCES})
    kimdb_target_defaults(${name})
    set_target_properties(${name} PROPERTIES AUTOMOC ON)
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests ${PROJECT_SOURCE_DIR})
    target_link_libraries(${name} PRIVATE Qt6::Core Qt6::Test ${ARG_LINK})
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 120)
    endif()
    add_test(NAME ${name} COMMAND ${name} ${ARG_COMMAND_ARGS})
    set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}"
        ENVIRONMENT "QT_QPA_PLATFORM=offscreen;QT_QUICK_BACKEND=software;LC_ALL=C.UTF-8;KIMDB_DATA_DIR=$<IF:$<BOOL:$ENV{KIMDB_DATA_DIR}>,$ENV{KIMDB_DATA_DIR},${PROJECT_SOURCE_DIR}/../shared/data>")
endfunction()
