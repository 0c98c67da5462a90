// A client that does what decK does, by decK's own engine (go-database-reconciler, go-kong): decK's command itself
// can't be had from the module proxy.
//
//	deck ping|dump|diff|sync <Admin API address> [<file> [<select tag>]]
//
// The header Kong-Admin-Token is that of the variable KONG_ADMIN_TOKEN.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/kong/go-database-reconciler/pkg/diff"
	"github.com/kong/go-database-reconciler/pkg/dump"
	"github.com/kong/go-database-reconciler/pkg/file"
	"github.com/kong/go-database-reconciler/pkg/schema"
	"github.com/kong/go-database-reconciler/pkg/state"
	"github.com/kong/go-database-reconciler/pkg/utils"
	"github.com/kong/go-kong/kong"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return errors.New("expected a command and an address")
	}
	ctx := context.Background()
	client, err := utils.GetKongClient(utils.KongClientConfig{
		Address: args[1],
		Timeout: 20,
		Headers: []string{"Kong-Admin-Token:" + os.Getenv("KONG_ADMIN_TOKEN")},
	})
	if err != nil {
		return err
	}
	config := dump.Config{SchemaRegistry: schema.NewRegistry(client, false), IsConsumerGroupScopedPluginSupported: true}
	if len(args) > 3 {
		config.SelectorTags = []string{args[3]}
	}
	root, err := client.Root(ctx)
	if err != nil {
		return err
	}
	version := kong.VersionFromInfo(root)
	switch args[0] {
	case "ping":
		fmt.Println("Kong version:", version)
		return nil
	case "dump":
		return write(ctx, client, config, version, args[2])
	case "diff", "sync":
		return solve(ctx, client, config, version, args[2], args[0] == "diff")
	}
	return fmt.Errorf("no such command: %s", args[0])
}

func current(ctx context.Context, client *kong.Client, config dump.Config) (*state.KongState, error) {
	raw, err := dump.Get(ctx, client, config)
	if err != nil {
		return nil, err
	}
	return state.Get(raw)
}

func write(ctx context.Context, client *kong.Client, config dump.Config, version, filename string) error {
	found, err := current(ctx, client, config)
	if err != nil {
		return err
	}
	return file.KongStateToFile(found, file.WriteConfig{
		SelectTags: config.SelectorTags, Filename: filename, FileFormat: file.YAML, KongVersion: version,
	})
}

func solve(ctx context.Context, client *kong.Client, config dump.Config, version, filename string, dry bool) error {
	content, err := file.GetContentFromFiles([]string{filename}, false)
	if err != nil {
		return err
	}
	if content.Info != nil {
		config.SelectorTags = content.Info.SelectorTags
	}
	before, err := current(ctx, client, config)
	if err != nil {
		return err
	}
	parsed, err := utils.ParseKongVersion(version)
	if err != nil {
		return err
	}
	raw, err := file.Get(ctx, content, file.RenderConfig{CurrentState: before, KongVersion: parsed}, config, client)
	if err != nil {
		return err
	}
	target, err := state.Get(raw)
	if err != nil {
		return err
	}
	syncer, err := diff.NewSyncer(diff.SyncerOpts{
		CurrentState: before, TargetState: target, KongClient: client, SchemaRegistry: config.SchemaRegistry,
	})
	if err != nil {
		return err
	}
	stats, problems, _ := syncer.Solve(ctx, 4, dry, false)
	fmt.Printf("created %d updated %d deleted %d\n", stats.CreateOps.Count(), stats.UpdateOps.Count(), stats.DeleteOps.Count())
	return errors.Join(problems...)
}
