package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/doctor"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/dm"
	"github.com/spacekeeper/spacekeeper/internal/reactors/member"
	"github.com/spacekeeper/spacekeeper/internal/reactors/react"
	"github.com/spacekeeper/spacekeeper/internal/reactors/record"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/reactors/send"
	"github.com/spacekeeper/spacekeeper/internal/reactors/wasm"
	"github.com/spacekeeper/spacekeeper/internal/reactors/webhook"
)

// actions is what rules can do, to check them by: the list of the worker, of
// which nothing is carried out here.
func actions(cfg config.Config) (list []reactors.Action, done func(), err error) {
	var allow []netip.Prefix
	for _, network := range cfg.Reactors.WebhookAllow {
		prefix, err := netip.ParsePrefix(network)
		if err != nil {
			return nil, nil, fmt.Errorf("reactors.webhook_allow: %w", err)
		}
		allow = append(allow, prefix)
	}
	sends, records := send.New(nil), record.New(nil)
	modules, err := wasm.New(wasm.Options{Dir: filepath.Dir(cfg.Reactors.File)}, sends, records)
	if err != nil {
		return nil, nil, err
	}
	list = []reactors.Action{
		sends,
		send.NewUpdate(nil),
		send.NewDelete(nil),
		react.New(nil, react.Options{UserAuth: cfg.Auth.Mode != config.AuthApp}),
		dm.New(nil),
		member.NewAdd(nil),
		member.NewRemove(nil),
		webhook.New(webhook.Options{Allow: allow, AllowLoopback: config.IsLoopback(cfg.Endpoints.Chat)}),
		records,
		modules,
	}
	return list, func() { _ = modules.Close(context.Background()) }, nil // nothing is lost with it
}

// readRules reads the configured rules for doctor.
func readRules(cfg config.Config) ([]doctor.Rule, error) {
	list, done, err := actions(cfg)
	if err != nil {
		return nil, err
	}
	defer done()
	set, err := rules.Load(cfg.Reactors.File, rules.Options{Actions: list})
	var wrong *rules.Error
	if errors.As(err, &wrong) {
		told := &doctor.RulesError{}
		for _, p := range wrong.Problems {
			told.Problems = append(told.Problems, problemLine(p))
		}
		return nil, told
	}
	if err != nil {
		return nil, err
	}
	spaces, err := overridden(cfg.Reactors.File)
	if err != nil {
		return nil, err
	}
	var found []doctor.Rule
	for _, r := range set.Rules() {
		found = append(found, describeRule(r, ""))
		for _, space := range spaces {
			if in := set.Rule(r.ID, space); in != r {
				found = append(found, describeRule(in, space))
			}
		}
	}
	return found, nil
}

// problemLine is a mistake on one line: file:line, what is wrong, and what to
// write instead.
func problemLine(p rules.Problem) string {
	text := p.File
	if p.Line > 0 {
		text = fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	text += ": " + p.Message
	if p.Hint != "" {
		text += "; " + p.Hint
	}
	return text
}

// overridden lists the spaces in which some rule is another. The file has been
// checked already.
func overridden(file string) (spaces []string, err error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	var keys struct {
		Overrides yaml.MapSlice `yaml:"overrides"`
	}
	if err := yaml.Unmarshal(raw, &keys); err != nil {
		return nil, fmt.Errorf("read the overrides of %s: it has just been changed", file) // the decoder's error quotes it
	}
	for _, item := range keys.Overrides {
		if space, ok := item.Key.(string); ok {
			spaces = append(spaces, space)
		}
	}
	return spaces, nil
}

// describeRule is what doctor has to know of a rule.
func describeRule(r *rules.Rule, space string) doctor.Rule {
	d := doctor.Rule{ID: r.ID, Space: space, Mode: string(r.Mode)}
	var all []rules.Do
	for _, s := range r.Steps {
		all = append(all, s.Do...)
	}
	if r.Collapse != nil {
		all = append(all, r.Collapse.Do...)
	}
	for _, do := range all {
		if _, observes := do.Action.(reactors.Observer); !observes {
			d.Chat = append(d.Chat, do.Action.Name())
		}
		if p, ok := do.Params.(*webhook.Params); ok {
			d.Secrets = append(d.Secrets, p.SecretFile)
		}
	}
	return d
}
