# Shared build rules: one library per room, link lines are the arrows of docs/ARCHITECTURE.md.
find_package(Threads REQUIRED)

add_library(samovar_flags INTERFACE)
target_compile_options(samovar_flags INTERFACE -Wall -Wextra -Werror -Wpedantic -Wno-error=maybe-uninitialized)
target_include_directories(samovar_flags INTERFACE ${CMAKE_SOURCE_DIR})
if(SAMOVAR_SANITIZE)
  # CAF binds null references in its spawn templates (docs/HACKING.md), so the null check is off.
  target_compile_options(samovar_flags INTERFACE -fsanitize=${SAMOVAR_SANITIZE} -fno-omit-frame-pointer)
  if(SAMOVAR_SANITIZE MATCHES undefined)
    target_compile_options(samovar_flags INTERFACE -fno-sanitize=null -fno-sanitize-recover=undefined)
  endif()
  if(SAMOVAR_SANITIZE MATCHES thread)
    target_compile_options(samovar_flags INTERFACE -Wno-tsan)
  endif()
  target_link_options(samovar_flags INTERFACE -fsanitize=${SAMOVAR_SANITIZE})
endif()

# samovar_room(<name> SOURCES ... LINKS ...): library samovar_<name>.
function(samovar_room name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_library(samovar_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(samovar_${name} PUBLIC samovar_flags ${ARG_LINKS})
endfunction()

# samovar_test(<name> SOURCES ... LINKS ... [LABELS ...]): a Boost.Test program, one ctest entry.
function(samovar_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LINKS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES} ${CMAKE_SOURCE_DIR}/tests/test_main.cpp)
  target_link_libraries(${name} PRIVATE samovar_flags ${ARG_LINKS} Boost::unit_test_framework)
  target_compile_definitions(${name} PRIVATE BOOST_TEST_DYN_LINK SAMOVAR_SOURCE_DIR=".")
  add_test(NAME ${name} COMMAND ${name} --log_level=test_suite --report_level=short --color_output=no)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  # The source folder is where a test runs, so that its object file is the same in every checkout.
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT}
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
endfunction()

find_package(Boost 1.74 REQUIRED COMPONENTS unit_test_framework)
find_package(nlohmann_json REQUIRED)  # tests of core/ read golden data with it

if(NOT SAMOVAR_CORE_ONLY)
  # Debian's libcaf-dev has no CMake package.
  find_package(OpenSSL 3 REQUIRED)
  foreach(c core)
    find_library(CAF_${c}_LIB NAMES caf_${c} REQUIRED)
    find_path(CAF_${c}_INC NAMES caf/config.hpp REQUIRED)
    add_library(caf::${c} UNKNOWN IMPORTED)
    set_target_properties(caf::${c} PROPERTIES IMPORTED_LOCATION "${CAF_${c}_LIB}"
      INTERFACE_INCLUDE_DIRECTORIES "${CAF_${c}_INC}" INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${CAF_${c}_INC}")
  endforeach()
  target_link_libraries(caf::core INTERFACE Threads::Threads)
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(pqxx REQUIRED IMPORTED_TARGET libpqxx)
  pkg_check_modules(pq REQUIRED IMPORTED_TARGET libpq)
  pkg_check_modules(archive REQUIRED IMPORTED_TARGET libarchive)
  pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
  pkg_check_modules(cjose REQUIRED cjose)
  pkg_check_modules(curl REQUIRED libcurl>=7.85)
  find_package(OpenCV REQUIRED COMPONENTS core imgproc imgcodecs)
  find_package(JPEG REQUIRED)
  find_package(spdlog REQUIRED)
  find_package(CLI11 REQUIRED)
  find_package(benchmark REQUIRED)
  find_package(ICU REQUIRED COMPONENTS uc)
  find_package(ZLIB REQUIRED)
  find_package(Torch QUIET)  # only model/sam3 uses it, and does without
  pkg_check_modules(tomlplusplus REQUIRED IMPORTED_TARGET tomlplusplus)
endif()
