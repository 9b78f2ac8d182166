package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

func configChecks() []check {
	return []check{
		{code: "SK101", group: groupConfig, name: "the configuration is complete and valid", pre: true, run: configValid},
		{code: "SK102", group: groupConfig, name: "nothing is watched twice", pre: true, needs: []string{"SK101"}, run: configOverlap},
		{code: "SK103", group: groupConfig, name: "subscriptions outlive the time until they are renewed", pre: true, needs: []string{"SK101"}, run: configLifetime},
		{code: "SK104", group: groupConfig, name: "secrets are for Spacekeeper alone", pre: true, needs: []string{"SK101"}, run: secretsKept},
	}
}

func configValid(_ context.Context, e *examination) finding {
	err := e.opts.ConfigErr
	if err == nil {
		return fine("targets: %d", len(e.cfg.Workspace.All()))
	}
	var wrong *config.Error
	if !errors.As(err, &wrong) {
		return failed(err.Error(), "mend the configuration; docs/configuration.md explains every key")
	}
	var where []string
	for _, m := range wrong.Mistakes {
		where = append(where, m.Short())
	}
	if len(where) == 1 {
		return failed("1 problem", where...)
	}
	return failed(fmt.Sprintf("%d problems", len(where)), where...)
}

// configOverlap looks for wide targets that take in others. What reaches us
// twice is recorded once, but costs a delivery and a subscription.
func configOverlap(_ context.Context, e *examination) finding {
	var twice []string
	all := e.cfg.Workspace.All()
	for i, wide := range all {
		if wide.Kind() == config.KindSpace { // most are
			continue
		}
		for j, t := range all {
			if i != j && takesIn(wide, t) && shareTypes(wide, t) {
				twice = appendNew(twice, t.Target)
			}
		}
	}
	if len(twice) > 0 {
		return warning("also watched by a wider target: "+some(twice),
			"take either the wider target or these out of workspace").about(twice...)
	}
	return fine("no target takes in another")
}

func takesIn(wide, t config.Target) bool {
	switch wide.Kind() {
	case config.KindCustomer:
		return t.Kind() != config.KindCustomer
	case config.KindSpaces:
		return t.Kind() == config.KindSpace || t.Kind() == config.KindName
	}
	return false
}

func shareTypes(a, b config.Target) bool {
	return slices.ContainsFunc(a.EventTypes, func(t string) bool { return slices.Contains(b.EventTypes, t) })
}

// configLifetime explains the choice of include_resource (fact sheet §3.3).
func configLifetime(_ context.Context, e *examination) finding {
	var content, names int
	for _, t := range e.cfg.Workspace.All() {
		if *t.IncludeResource {
			content++
		} else {
			names++
		}
	}
	lapse := !e.cfg.Keeper.Enabled
	switch {
	case lapse && content > 0:
		return warning(fmt.Sprintf("%d targets with content end after 4 to 24 hours, and keeper.enabled is false", content),
			"set keeper.enabled: true",
			"or set include_resource: false: events then carry names only, and subscriptions live for 7 days")
	case lapse:
		return warning("subscriptions end after 7 days, and keeper.enabled is false", "set keeper.enabled: true")
	}
	return fine("with content (4 to 24 h): %d, with names only (7 d): %d; renewed by the worker", content, names)
}

func secretsKept(_ context.Context, e *examination) finding {
	var files, fixes []string
	for _, f := range e.cfg.PublicSecrets() {
		files, fixes = append(files, f.Path), append(fixes, "chmod o-r "+f.Path)
	}
	if len(files) > 0 {
		return publicSecrets(files, fixes...)
	}
	return fine("nobody else may read the files")
}

func publicSecrets(files []string, fixes ...string) finding {
	return warning("anybody on this machine may read "+some(files), append(fixes, "where Kubernetes mounts the secret: defaultMode: 0440, and fsGroup")...).about(files...)
}
