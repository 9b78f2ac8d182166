package cards

import (
	"encoding/json"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// Fill renders a card's texts into a copy of its source.
func Fill(path string, source any, render func(path, s string) (string, error)) (any, error) {
	var err error
	switch v := source.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, value := range v {
			if m[key], err = Fill(strictyaml.Join(path, key), value, render); err != nil {
				return nil, err
			}
		}
		return m, nil
	case []any:
		l := make([]any, len(v))
		for i, value := range v {
			if l[i], err = Fill(strictyaml.Item(path, i), value, render); err != nil {
				return nil, err
			}
		}
		return l, nil
	case string:
		return render(path, v)
	}
	return source, nil
}

// Marshal writes a card without the escapes that are for web pages.
func Marshal(v any) (json.RawMessage, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return json.RawMessage(strings.TrimSuffix(b.String(), "\n")), nil
}
