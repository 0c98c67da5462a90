// The benchmark's three plugins for go-pdk, which serves one plugin per program: BENCH_CALLS says how many PDK calls.
package main

import (
	"os"

	"github.com/Kong/go-pdk"
	"github.com/Kong/go-pdk/server"
)

type Config struct{}

var calls = os.Getenv("BENCH_CALLS")

func (Config) Access(kong *pdk.PDK) {
	if calls != "0" {
		kong.Request.GetHeader("user-agent")
	}
	if calls == "3" {
		kong.ServiceRequest.SetHeader("x-a", "1")
		kong.ServiceRequest.SetHeader("x-b", "2")
	}
}

func main() {
	server.StartServer(func() interface{} { return &Config{} }, "1.0", 1)
}
