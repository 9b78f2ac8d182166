package config

import (
	"fmt"
	"slices"
	"strings"
)

// Workspace says what to watch.
type Workspace struct {
	// Spaces are the Chat spaces to watch, each as "spaces/AAQA…". The Chat
	// app, or the user of auth, must be a member of each. No default.
	Spaces []string `yaml:"spaces"`

	// Targets are what else to watch, each with settings of its own if need
	// be. No default.
	Targets []Target `yaml:"targets"`

	// EventTypes are the event types to subscribe to, by Google's full name.
	// Batch forms come by themselves and can't be listed. Default: all of a space.
	EventTypes []string `yaml:"event_types"`

	// IncludeResource asks Google to put the content into events. Without it
	// events hold just names, but subscriptions live for 7 days and not 4 to
	// 24 hours. Default true.
	IncludeResource bool `yaml:"include_resource"`
}

// Target is something to subscribe to.
type Target struct {
	// Target is a space "spaces/AAQA…"; "name:Team *" for all spaces whose
	// name matches (* is any text, ? one character); "spaces/-" for all spaces
	// of the user of auth and "users/123…" for that user; or
	// "customers/my_customer" for the whole organization. No default.
	Target string `yaml:"target"`

	// EventTypes are the event types to subscribe to. Left out, they are those
	// of workspace.event_types that the target can have. No default.
	EventTypes []string `yaml:"event_types"`

	// IncludeResource asks Google to put the content into events. Left out, it
	// is as in workspace.include_resource. No default.
	IncludeResource *bool `yaml:"include_resource"`
}

// All lists the spaces and the targets, in this order, as targets whose
// settings are filled in.
func (w Workspace) All() []Target {
	all := make([]Target, 0, len(w.Spaces)+len(w.Targets))
	for _, space := range w.Spaces {
		all = append(all, Target{Target: space})
	}
	all = append(all, w.Targets...)
	inherited := map[TargetKind][]string{} // thousands of targets are of one kind
	for i := range all {
		t := &all[i]
		if t.EventTypes == nil {
			kind := t.Kind()
			types, ok := inherited[kind]
			if !ok {
				types = slices.Clip(w.inherited(kind))
				inherited[kind] = types
			}
			t.EventTypes = types
		}
		if t.IncludeResource == nil {
			t.IncludeResource = &w.IncludeResource
		}
	}
	return all
}

// Requested is the set of event types that subscriptions to the targets request;
// nil without targets. It goes over all of them: ask once for many rules.
func (w Workspace) Requested() map[string]bool {
	var requested map[string]bool
	for _, t := range w.All() {
		if requested == nil {
			requested = map[string]bool{}
		}
		for _, name := range t.EventTypes {
			requested[name] = true
		}
	}
	return requested
}

// inherited are the event types of the workspace that a kind of target can have.
func (w Workspace) inherited(kind TargetKind) []string {
	possible := kind.EventTypes()
	return slices.DeleteFunc(slices.Clone(w.EventTypes), func(name string) bool {
		return !slices.Contains(possible, name)
	})
}

// String is the target as in the file, with the settings that are its own.
func (t Target) String() string {
	s := t.Target
	if t.EventTypes != nil {
		s += fmt.Sprintf(" event_types=%s", strings.Join(t.EventTypes, ","))
	}
	if t.IncludeResource != nil {
		s += fmt.Sprintf(" include_resource=%v", *t.IncludeResource)
	}
	return s
}
