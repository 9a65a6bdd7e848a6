# SPDX-License-Identifier: MIT
# Names for users and what `cmake --install` puts where. A component of find_package is a layer
# with everything below it; each layer is an export set of its own, so that Store or Crdt alone
# neither load nor look for Qt. Included last by the root file: it reads what the layers link.

# Public names of the layers that have one; the others are called by their own name.
set(KIMDB_NAME_client Sdk)
set(KIMDB_NAME_relay_auth RelayAuth)
set(KIMDB_NAME_relay_core RelayCore)

# kimdb_public_name(LAYER VARIABLE)
function(kimdb_public_name layer variable)
    set(name "${KIMDB_NAME_${layer}}")
    if(NOT name)
        string(SUBSTRING ${layer} 0 1 first)
        string(SUBSTRING ${layer} 1 -1 rest)
        string(TOUPPER ${first} first)
        set(name ${first}${rest})
    endif()
    set(${variable} ${name} PARENT_SCOPE)
endfunction()

# kimdb_links_of(LAYER LAYERS PACKAGES): the layers and the packages ("Qt6:Core", "SQLite3:") that
# LAYER links directly.
function(kimdb_links_of layer layers_variable packages_variable)
    set(below)
    set(packages)
    get_target_property(links kimdb_${layer} LINK_LIBRARIES)
    foreach(link IN LISTS links)
        if(TARGET ${link})
            get_target_property(aliased ${link} ALIASED_TARGET)
            if(aliased AND aliased MATCHES "^kimdb_")
                set(link ${aliased})
            endif()
        endif()
        if(link MATCHES "^kimdb_(.+)$")
            if(CMAKE_MATCH_1 IN_LIST layers)  # else an object library of the QML module
                list(APPEND below ${CMAKE_MATCH_1})
            endif()
        elseif(link MATCHES "^(Qt6|OpenSSL)::(.+)$")
            list(APPEND packages ${CMAKE_MATCH_1}:${CMAKE_MATCH_2})
        elseif(link MATCHES "^SQLite::SQLite3$")
            list(APPEND packages SQLite3:)
        elseif(link MATCHES "^(Threads|ZLIB|zstd|md4c)::")
            list(APPEND packages ${CMAKE_MATCH_1}:)
        elseif(link MATCHES "^[^:$]+::[^@]")
            message(FATAL_ERROR "KimDBInstall.cmake does not know the package of ${link}")
        endif()
    endforeach()
    set(${layers_variable} ${below} PARENT_SCOPE)
    set(${packages_variable} ${packages} PARENT_SCOPE)
endfunction()

# kimdb_install_layer(LAYER [TARGET…]): the library with what belongs to it, its export set and its
# lines of the config file.
function(kimdb_install_layer layer)
    kimdb_public_name(${layer} name)
    set_target_properties(kimdb_${layer} PROPERTIES EXPORT_NAME ${name})
    kimdb_links_of(${layer} below packages)
    install(TARGETS kimdb_${layer} ${ARGN} EXPORT KimDB${name}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT sdk
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT sdk
        OBJECTS DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT sdk)
    install(EXPORT KimDB${name} NAMESPACE KimDB:: FILE KimDB${name}.cmake
        DESTINATION ${KIMDB_CMAKE_DIR} COMPONENT sdk)
    foreach(lower IN LISTS below)
        kimdb_public_name(${lower} lower_name)
        list(APPEND below_names ${lower_name})
    endforeach()
    set_property(GLOBAL APPEND_STRING PROPERTY KIMDB_CONFIG_LINES
        "set(_kimdb_below_${name} ${below_names})\nset(_kimdb_packages_${name} ${packages})\n")
endfunction()

# The QML module: its plugin, which the engine looks for beside the module's files, and for static
# builds the object libraries that Qt made of it.
function(kimdb_install_qml)
    get_directory_property(objects DIRECTORY qml DEFINITION KIMDB_QML_EXTRA_TARGETS)
    list(REMOVE_ITEM objects kimdb_qmlplugin)
    if(BUILD_SHARED_LIBS)
        set(objects)
    endif()
    kimdb_install_layer(qml ${objects})
    set(module_dir ${KIMDB_QML_DIR}/KimDB)
    file(RELATIVE_PATH to_libraries /${module_dir} /${CMAKE_INSTALL_LIBDIR})
    set_target_properties(kimdb_qmlplugin PROPERTIES
        EXPORT_NAME QmlPlugin INSTALL_RPATH $ORIGIN/${to_libraries})
    install(TARGETS kimdb_qmlplugin EXPORT KimDBQml
        ARCHIVE DESTINATION ${module_dir} COMPONENT sdk
        LIBRARY DESTINATION ${module_dir} COMPONENT sdk)
    install(DIRECTORY ${QT_QML_OUTPUT_DIRECTORY}/KimDB/ DESTINATION ${module_dir} COMPONENT sdk
        FILES_MATCHING PATTERN qmldir PATTERN *.qmltypes PATTERN *.qml
        REGEX "/KimDB/[A-Z][A-Za-z]*$" EXCLUDE)  # modules of applications: KimDB.Editor
    install(DIRECTORY qml/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT sdk)
endfunction()

get_property(layers GLOBAL PROPERTY KIMDB_LAYERS)
if(TARGET kimdb_qml)
    list(APPEND layers kimdb_qml)
endif()
list(REMOVE_DUPLICATES layers)
list(TRANSFORM layers REPLACE "^kimdb_" "")
foreach(layer IN LISTS layers)
    kimdb_public_name(${layer} name)
    if(NOT TARGET KimDB::${name})
        add_library(KimDB::${name} ALIAS kimdb_${layer})
    endif()
endforeach()
if(NOT KIMDB_INSTALL)
    return()
endif()

include(CMakePackageConfigHelpers)
set(KIMDB_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/KimDB)
set(KIMDB_QML_DIR ${CMAKE_INSTALL_LIBDIR}/qt6/qml)

foreach(layer IN LISTS layers)
    if(layer STREQUAL "qml")
        kimdb_install_qml()
    else()
        kimdb_install_layer(${layer})
    endif()
endforeach()
install(DIRECTORY sdk/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT sdk)
if("relay" IN_LIST layers)
    install(DIRECTORY relay/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT sdk)
    install(TARGETS kimdb-relay RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT relay)
endif()

get_property(KIMDB_CONFIG_LINES GLOBAL PROPERTY KIMDB_CONFIG_LINES)
configure_package_config_file(sdk/cmake/KimDBConfig.cmake.in KimDBConfig.cmake
    INSTALL_DESTINATION ${KIMDB_CMAKE_DIR} PATH_VARS KIMDB_QML_DIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/KimDBConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/KimDBConfig.cmake ${PROJECT_BINARY_DIR}/KimDBConfigVersion.cmake
    DESTINATION ${KIMDB_CMAKE_DIR} COMPONENT sdk)
