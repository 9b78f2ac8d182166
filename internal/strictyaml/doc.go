// Package strictyaml reads the project's YAML files: the configuration, the
// rules, and cards. It also decodes what a module answers, which has the same
// keys as a rule.
//
// It promises that nothing is ignored or guessed: an unknown key, a key set
// twice, a value of another type, a second document, an anchor or a tag are
// mistakes. Reading goes on after a mistake, so that all of them are reported
// at once, each with its line, a caret and, where there is one, a way out.
//
// # What the caller must do
//
// Read a [Source] into a tree of nodes and decode that into structs with yaml
// tags. Check what the types don't say, report it with [Mistakes.At] at the
// place of its node, and refuse the file if there is any mistake. Give the
// source a Mask if its lines may hold secrets: messages show the line.
//
// # What happens on failure
//
// A value with a mistake keeps the value that it had before, and its path is
// in [Decoder.Wrong].
package strictyaml
