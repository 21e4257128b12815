# cmake -DOUT=<file.cpp> -DDIR=<net> -P embed.cmake: each text becomes a raw string literal.
set(code "#include \"net/handlers/all.hpp\"\n\nnamespace samovar::net {\n\n")
foreach(pair openapi_document=openapi.json docs_page=openapi/docs.html
             docs_script=openapi/docs.js docs_style=openapi/docs.css)
  string(REGEX MATCH "^([a-z_]+)=(.+)$" _ "${pair}")
  set(name ${CMAKE_MATCH_1})
  file(READ ${DIR}/${CMAKE_MATCH_2} text)
  string(APPEND code "std::string_view ${name}() {\n  return R\"samovar(${text})samovar\";\n}\n\n")
endforeach()
string(APPEND code "}  // namespace samovar::net\n")
file(WRITE ${OUT} "${code}")
