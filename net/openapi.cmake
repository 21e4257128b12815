# Compiles the OpenAPI document and its reading page into the program. Sets SAMOVAR_OPENAPI_SOURCE.
set(SAMOVAR_OPENAPI_SOURCE ${CMAKE_CURRENT_BINARY_DIR}/openapi_texts.cpp)
set(OPENAPI_FILES
  ${CMAKE_CURRENT_LIST_DIR}/openapi.json
  ${CMAKE_CURRENT_LIST_DIR}/openapi/docs.html
  ${CMAKE_CURRENT_LIST_DIR}/openapi/docs.js
  ${CMAKE_CURRENT_LIST_DIR}/openapi/docs.css)
add_custom_command(
  OUTPUT ${SAMOVAR_OPENAPI_SOURCE}
  COMMAND ${CMAKE_COMMAND} -DOUT=${SAMOVAR_OPENAPI_SOURCE} -DDIR=${CMAKE_CURRENT_LIST_DIR}
          -P ${CMAKE_CURRENT_LIST_DIR}/openapi/embed.cmake
  DEPENDS ${OPENAPI_FILES} ${CMAKE_CURRENT_LIST_DIR}/openapi/embed.cmake
  COMMENT "Embedding the OpenAPI document"
  VERBATIM)
