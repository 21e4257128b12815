add_executable(access_bench ${CMAKE_CURRENT_SOURCE_DIR}/access/access.cpp
                            ${CMAKE_CURRENT_SOURCE_DIR}/access/crowd.cpp)
target_link_libraries(access_bench PRIVATE samovar_flags samovar_net samovar_storage)
