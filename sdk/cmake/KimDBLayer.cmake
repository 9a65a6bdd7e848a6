# SPDX-License-Identifier: MIT
# One layer = one folder = one namespace = one target. A layer's CMakeLists.txt is a list.

# kimdb_add_layer(NAME SOURCES … DEPENDS layer… [LINK_PUBLIC lib…] [LINK_PRIVATE lib…] [QT])
#   Makes kimdb_NAME. QT runs moc on the sources and precompiles Qt's headers. What is linked here
#   is also what an installed KimDB looks for (see KimDBInstall.cmake).
function(kimdb_add_layer name)
    cmake_parse_arguments(ARG "QT" "" "SOURCES;DEPENDS;LINK_PUBLIC;LINK_PRIVATE" ${ARGN})
    add_library(kimdb_${name} ${ARG_SOURCES})
    kimdb_target_defaults(kimdb_${name})
    if(ARG_QT)
        set_target_properties(kimdb_${name} PROPERTIES AUTOMOC ON)
        kimdb_use_precompiled(kimdb_${name} qt)
    else()
        kimdb_use_precompiled(kimdb_${name} std)
    endif()
    target_include_directories(kimdb_${name}
        PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/sdk/include>
               $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/sdk>
               $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    list(TRANSFORM ARG_DEPENDS PREPEND kimdb_)
    target_link_libraries(kimdb_${name}
        PUBLIC ${ARG_DEPENDS} ${ARG_LINK_PUBLIC} PRIVATE ${ARG_LINK_PRIVATE})
    set_property(GLOBAL APPEND PROPERTY KIMDB_LAYERS kimdb_${name})
endfunction()

# kimdb_target_defaults(TARGET): the language level, warnings, assertions and sanitizers that
# every target of the project gets.
function(kimdb_target_defaults target)
    target_compile_features(${target} PUBLIC cxx_std_20)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
        -Woverloaded-virtual -Wno-missing-field-initializers
        $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)  # false alarms about std::string (GCC bug 105329)
    set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
    # AUTOMOC is opt-in per target; the Qt-free layers must not pay for it.
    set_target_properties(${target} PROPERTIES AUTOMOC OFF AUTOUIC OFF)
    if(KIMDB_ASSERTIONS)
        # RelWithDebInfo would define NDEBUG, and Qt QT_NO_DEBUG.
        target_compile_options(${target} PRIVATE -UNDEBUG -DQT_FORCE_ASSERTS)
    endif()
    if(KIMDB_SANITIZE)
        target_compile_options(${target} PRIVATE -fsanitize=${KIMDB_SANITIZE}
            -fno-sanitize-recover=all -fno-omit-frame-pointer)
        target_link_options(${target} PRIVATE -fsanitize=${KIMDB_SANITIZE})
    endif()
    if(KIMDB_LINKER)
        target_link_options(${target} PRIVATE -fuse-ld=${KIMDB_LINKER})
    endif()
    if(KIMDB_FUZZ)
        target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
    endif()
endfunction()

# kimdb_precompile(NAME [LINK lib…] [OPTIONS o…] HEADERS header…)
#   Headers that kimdb_use_precompiled() gives to targets with the same options, so that each source
#   need not parse them again. Sources still include what they use: Clang builds without.
function(kimdb_precompile name)
    cmake_parse_arguments(ARG "" "" "LINK;HEADERS;OPTIONS" ${ARGN})
    set(source ${PROJECT_BINARY_DIR}/precompiled/${name}.cpp)
    file(CONFIGURE OUTPUT ${source} CONTENT "// A target needs a source.\n")
    add_library(kimdb_precompiled_${name} OBJECT EXCLUDE_FROM_ALL ${source})
    kimdb_target_defaults(kimdb_precompiled_${name})
    target_compile_options(kimdb_precompiled_${name} PRIVATE ${ARG_OPTIONS})
    target_link_libraries(kimdb_precompiled_${name} PRIVATE ${ARG_LINK})
    target_precompile_headers(kimdb_precompiled_${name} PRIVATE ${ARG_HEADERS})
endfunction()

# kimdb_use_precompiled(TARGET NAME)
function(kimdb_use_precompiled target name)
    target_precompile_headers(${target} REUSE_FROM kimdb_precompiled_${name})
    # Programs compiled like the libraries are; and so that ccache sees what is precompiled.
    target_compile_options(${target} PRIVATE -fPIC $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endfunction()

# kimdb_test_defaults(TARGET): of the programs and libraries that link Qt6::Test.
function(kimdb_test_defaults target)
    kimdb_target_defaults(${target})
    target_compile_options(${target} PRIVATE ${KIMDB_TEST_OPTIONS})
    kimdb_use_precompiled(${target} test)
endfunction()

# kimdb_add_test(NAME SOURCES … LINK target… [LABELS l…] [TIMEOUT s] [COMMAND_ARGS a…])
#   A Qt Test executable that ctest runs. Labels pick what the sanitizer presets run.
function(kimdb_add_test name)
    cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LINK;LABELS;COMMAND_ARGS" ${ARGN})
    add_executable(${name} ${ARG_SOURCES})
    kimdb_test_defaults(${name})
    _kimdb_test_moc(${name} ${ARG_SOURCES})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests ${PROJECT_SOURCE_DIR})
    target_link_libraries(${name} PRIVATE Qt6::Core Qt6::Test ${ARG_LINK})
    add_test(NAME ${name} COMMAND ${name} ${ARG_COMMAND_ARGS})
    if("tsan" IN_LIST ARG_LABELS)
        add_dependencies(kimdb_tsan_tests ${name})
    endif()
    _kimdb_test_properties(${name} "${ARG_LABELS}" "${ARG_TIMEOUT}")
endfunction()

# kimdb_add_test_library(NAME SOURCES … LINK target…)
#   What several tests share, compiled once; without Qt.
function(kimdb_add_test_library name)
    cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
    add_library(${name} STATIC ${ARG_SOURCES})
    kimdb_target_defaults(${name})
    kimdb_use_precompiled(${name} std)
    target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/tests ${PROJECT_SOURCE_DIR})
    target_link_libraries(${name} PUBLIC ${ARG_LINK})
endfunction()

# kimdb_add_fuzz(NAME SOURCES … LINK target…)
#   A fuzz_x as tests/fuzz/fuzz_target.h describes it. The fuzz preset links libFuzzer; every other
#   build links tests/fuzz/replay.cpp, which runs the seeds and a bounded number of mutations.
function(kimdb_add_fuzz name)
    cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
    add_executable(${name} ${ARG_SOURCES})
    kimdb_target_defaults(${name})
    kimdb_use_precompiled(${name} std)
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests ${PROJECT_SOURCE_DIR})
    target_link_libraries(${name} PRIVATE kimdb_core ${ARG_LINK})
    if(KIMDB_FUZZ)
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
        return()
    endif()
    target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/fuzz/replay.cpp)
    add_test(NAME ${name} COMMAND ${name})
    _kimdb_test_properties(${name} unit 120)
endfunction()

# Runs moc on NAME.cpp, which includes NAME.moc, and on headers with a Q_OBJECT. AUTOMOC would scan
# and compile one more source for each test: an eighth of a cold build.
function(_kimdb_test_moc name)
    qt_generate_moc(${name}.cpp ${name}.moc)
    target_sources(${name} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/${name}.moc)
    target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
    foreach(header ${ARGN})
        if(NOT header MATCHES "[.]h$")
            continue()
        endif()
        file(STRINGS ${header} objects REGEX "Q_OBJECT")
        if(objects)
            qt_wrap_cpp(from_headers ${header})
            target_sources(${name} PRIVATE ${from_headers})
        endif()
    endforeach()
endfunction()

function(_kimdb_test_properties name labels timeout_s)
    if(NOT timeout_s)
        set(timeout_s 120)
    endif()
    set(data "$ENV{KIMDB_DATA_DIR}")
    if(NOT data)
        set(data ${PROJECT_SOURCE_DIR}/../shared/data)
    endif()
    set_tests_properties(${name} PROPERTIES TIMEOUT ${timeout_s} LABELS "${labels}"
        ENVIRONMENT "QT_QPA_PLATFORM=offscreen;QT_QUICK_BACKEND=software;LC_ALL=C.UTF-8")
    set_property(TEST ${name} APPEND PROPERTY ENVIRONMENT KIMDB_DATA_DIR=${data})
endfunction()
