// Package actions lists what rules can do. To add an action is to add a line to
// List: both commands read rules by it, so that what the one carries out the
// other doesn't call a mistake.
//
// A list belongs to its maker, who passes it to Close in the end. Its actions may
// be used by any number of goroutines.
package actions

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/dm"
	"github.com/spacekeeper/spacekeeper/internal/reactors/member"
	"github.com/spacekeeper/spacekeeper/internal/reactors/react"
	"github.com/spacekeeper/spacekeeper/internal/reactors/record"
	"github.com/spacekeeper/spacekeeper/internal/reactors/send"
	"github.com/spacekeeper/spacekeeper/internal/reactors/wasm"
	"github.com/spacekeeper/spacekeeper/internal/reactors/webhook"
)

// List returns the actions. Who reads rules without carrying them out needs
// neither chat nor records.
func List(cfg config.Config, chat *gchat.Client, records record.Recorder) ([]reactors.Action, error) {
	var allow []netip.Prefix
	for _, network := range cfg.Reactors.WebhookAllow {
		prefix, err := netip.ParsePrefix(network)
		if err != nil {
			return nil, fmt.Errorf("reactors.webhook_allow: %w", err)
		}
		allow = append(allow, prefix)
	}
	sends, recorded := send.New(chat), record.New(records)
	// A module can do no more than these, which write where its rule could.
	modules := wasm.New(wasm.Options{Dir: filepath.Dir(cfg.Reactors.File)}, sends, recorded)
	return []reactors.Action{
		sends,
		send.NewUpdate(chat),
		send.NewDelete(chat),
		react.New(chat, react.Options{UserAuth: cfg.Auth.Mode != config.AuthApp}),
		dm.New(chat),
		member.NewAdd(chat),
		member.NewRemove(chat),
		webhook.New(webhook.Options{Allow: allow, AllowLoopback: config.IsLoopback(cfg.Endpoints.Chat)}),
		recorded,
		modules,
	}, nil
}

// Close releases what actions keep open: connections, and modules.
func Close(ctx context.Context, list []reactors.Action) error {
	var failed []error
	for _, a := range list {
		switch a := a.(type) {
		case interface{ Close() }:
			a.Close()
		case interface{ Close(context.Context) error }:
			if err := a.Close(ctx); err != nil {
				failed = append(failed, fmt.Errorf("close the action %q: %w", a.(reactors.Action).Name(), err))
			}
		}
	}
	return errors.Join(failed...)
}
