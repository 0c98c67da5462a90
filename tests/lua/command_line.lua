--- Plain LuaJIT, as a command line without nginx: calls on standard input, results on standard output.

io.write(require("calls").results_of(io.read("*a")), "\n")
