// Package preview shows what a rule would say: each step, rendered for a made-up
// person or for an event that was recorded, and on request sent to one person.
//
// It asks no conditions, records nothing and sends nothing, except by [Send],
// which shows messages to one member of a space only and gives them new ids, so
// that the rule itself takes no notice of them.
package preview
