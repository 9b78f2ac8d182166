package subscriptions

import (
	"slices"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

// ShortType is how people read an event type: "message.created".
func ShortType(eventType string) string {
	return strings.Replace(strings.TrimPrefix(eventType, "google.workspace.chat."), ".v1.", ".", 1)
}

// TypesText sums event types up for people: "membership, message.created". A
// kind of resource of which all types are there stands for them.
func TypesText(types []string) string {
	all, there := map[string]int{}, map[string]int{}
	for _, t := range config.AllEventTypes() {
		all[kindOf(t)]++
	}
	for _, t := range types {
		there[kindOf(t)]++
	}
	var parts []string
	for _, t := range types {
		part := ShortType(t)
		if k := kindOf(t); all[k] == there[k] {
			part = k
		}
		if !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

func kindOf(eventType string) string {
	kind, _, _ := strings.Cut(ShortType(eventType), ".")
	return kind
}

// changedTypes is for people: "add reaction.created; drop space".
func changedTypes(added, removed []string) string {
	var parts []string
	if len(added) > 0 {
		parts = append(parts, "add "+TypesText(added))
	}
	if len(removed) > 0 {
		parts = append(parts, "drop "+TypesText(removed))
	}
	return strings.Join(parts, "; ")
}
