// A HashiCorp Vault server built from the Go module proxy alone, for the live
// tests. It is Vault's own main(): the whole `command` package, so the server
// has every builtin engine and auth method (kv, approle, cert, jwt, kubernetes).
//
// Vault's module is not meant to be imported: its go.mod points sdk and api at
// directories of its own repository by `replace`, and a `replace` only counts in
// the main module. Here sdk and api therefore come from their published tags.
// Vault v1.21.0 is the release pinned because its published requirement
// (sdk v0.20.0) compiles; v1.21.4 compiles with neither sdk v0.20.0 nor v0.21.0.
// The two `replace` lines left in go.mod are copied from Vault's own.
package main

import (
	"os"

	"github.com/hashicorp/vault/command"
)

func main() {
	os.Exit(command.Run(os.Args[1:]))
}
