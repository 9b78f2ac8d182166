package config

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// field is one key of the configuration: a leaf of the struct.
type field struct {
	path  string // "pubsub.topic"
	value reflect.Value
}

// env is the name of the variable that overrides the key.
func (f field) env() string {
	return "SPACEKEEPER_" + strings.ToUpper(strings.ReplaceAll(f.path, ".", "_"))
}

// fields lists the keys of a struct that is addressable, in its order.
func fields(prefix string, v reflect.Value) []field {
	var list []field
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("yaml")
		if key == "-" {
			continue
		}
		path := join(prefix, key)
		if v.Field(i).Kind() == reflect.Struct {
			list = append(list, fields(path, v.Field(i))...)
			continue
		}
		list = append(list, field{path, v.Field(i)})
	}
	return list
}

func join(prefix, key string) string {
	if prefix == "" {
		return key
	}
	return prefix + "." + key
}

// parse sets the field from text. The error completes a sentence that begins
// with the key; it doesn't quote the text.
func (f field) parse(text string) error {
	switch target := f.value.Addr().Interface().(type) {
	case *string:
		*target = text
	case *bool:
		return parseBool(text, target)
	case **bool: // nil stands for "not set"
		b := new(bool)
		*target = b
		return parseBool(text, b)
	case *int:
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return errors.New("must be a whole number")
		}
		*target = int(n)
	case *ByteSize:
		size, err := parseByteSize(text)
		if err != nil {
			return err
		}
		*target = size
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return errors.New("must be a duration with its unit, such as 90s, 10m or 1h30m")
		}
		*target = d
	case *[]string:
		var list []string
		for _, s := range strings.Split(text, ",") {
			if s = strings.TrimSpace(s); s != "" {
				list = append(list, s)
			}
		}
		*target = list
	case *[]Target:
		return errors.New("can only be set in the file; SPACEKEEPER_WORKSPACE_SPACES takes single spaces")
	default:
		return fmt.Errorf("has a type that no one can set: %T", target)
	}
	return nil
}

func parseBool(text string, target *bool) error {
	if text != "true" && text != "false" {
		return errors.New("must be true or false")
	}
	*target = text == "true"
	return nil
}

// String lists every key and its value, one a line. It holds no secret.
func (c Config) String() string {
	var b strings.Builder
	for _, f := range fields("", reflect.ValueOf(&c).Elem()) {
		fmt.Fprintf(&b, "%s=%s\n", f.path, mask(fmt.Sprint(f.value.Interface())))
	}
	return b.String()
}
