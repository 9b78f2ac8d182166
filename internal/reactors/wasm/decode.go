package wasm

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// decode reads the parameters of an action from JSON, by their yaml tags, as a
// rule's are read from YAML. people are those who may be mentioned. Errors name
// keys that exist, and quote nothing.
func decode(raw json.RawMessage, params any, people []string) error {
	var value any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&value); err != nil {
		return errors.New("they aren't JSON")
	}
	if _, ok := value.(map[string]any); !ok {
		return errors.New("they aren't an object")
	}
	d := strictyaml.NewDecoder(&strictyaml.Mistakes{})
	d.Quiet = true
	d.Special = func(path string, n *strictyaml.Node, to any) bool {
		switch p := to.(type) {
		case *reactors.ChatText:
			p.Value = d.Text(path, n)
			p.Source = p.Value
			for _, user := range events.Mentioned(p.Value) {
				if !slices.Contains(people, user) {
					d.Refuse(path, n, "", "%s mentions somebody who isn't in the facts", path)
				}
			}
		case *reactors.PlainText:
			p.Value = d.Text(path, n)
			p.Source = p.Value
		case *reactors.Card:
			card, err := json.Marshal(n.Plain())
			if err != nil || json.Unmarshal(card, &p.Source) != nil {
				d.Refuse(path, n, "", "%s holds a number out of range", path)
			}
			p.Value = card
		default:
			return false
		}
		return true
	}
	d.Decode("", node(value), params)
	if len(d.List) > 0 {
		return errors.New(d.List[0].Message)
	}
	return nil
}

// node is a value of JSON as the decoder takes it.
func node(value any) *strictyaml.Node {
	n := &strictyaml.Node{Kind: strictyaml.Nothing, At: strictyaml.From("the answer")}
	switch v := value.(type) {
	case map[string]any:
		n.Kind = strictyaml.Section
		for _, key := range slices.Sorted(maps.Keys(v)) {
			n.Pairs = append(n.Pairs, strictyaml.Pair{Key: key, At: n.At, Value: node(v[key])})
		}
	case []any:
		n.Kind = strictyaml.List
		for _, item := range v {
			n.Items = append(n.Items, node(item))
		}
	case string:
		n.Kind, n.Text = strictyaml.Text, v
	case json.Number:
		n.Kind, n.Text = strictyaml.Number, v.String()
	case bool:
		n.Kind, n.Text = strictyaml.Boolean, strconv.FormatBool(v)
	}
	return n
}
