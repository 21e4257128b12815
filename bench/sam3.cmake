# Times the SAM 3 network; needs nothing but LibTorch. SAMOVAR_ROOT is the repository.
add_executable(sam3_bench ${SAMOVAR_ROOT}/bench/sam3_bench.cpp ${SAMOVAR_ROOT}/bench/sam3_random.cpp
  ${SAMOVAR_ROOT}/bench/sam3_stages.cpp)
target_link_libraries(sam3_bench PRIVATE samovar_sam3_network)
set_target_properties(sam3_bench PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
