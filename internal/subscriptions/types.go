package subscriptions

import (
	"slices"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/events"
)

// TypesText sums event types up for people: "membership, message.created". A
// kind of resource of which all types are there stands for them.
func TypesText(types []string) string {
	all, there := map[string]int{}, map[string]int{}
	for _, t := range config.AllEventTypes() {
		all[events.ResourceOf(t)]++
	}
	for _, t := range types {
		there[events.ResourceOf(t)]++
	}
	var parts []string
	for _, t := range types {
		part := events.ShortType(t)
		if k := events.ResourceOf(t); all[k] == there[k] {
			part = k
		}
		if !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
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
