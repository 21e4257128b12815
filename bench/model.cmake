add_executable(model_bench ${CMAKE_CURRENT_SOURCE_DIR}/model_bench.cpp)
target_link_libraries(model_bench PRIVATE samovar_flags samovar_model opencv_core opencv_imgproc
                      opencv_imgcodecs benchmark::benchmark)
