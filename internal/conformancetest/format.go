package conformancetest

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"
)

var (
	duration  = regexp.MustCompile(`^-?[0-9]+(\.[0-9]{1,9})?s$`)
	fieldMask = regexp.MustCompile(`^(\*|[A-Za-z0-9_.]+(,[A-Za-z0-9_.]+)*)$`)
)

// wrongText says what is wrong with a value that is written as text: a
// parameter, a string or a number.
func wrongText(s *schema, v string) string {
	if complaint := wrongType(s, v); complaint != "" {
		return complaint
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
		return fmt.Sprintf("%q is none of its values", v)
	}
	if s.pattern != nil && !s.pattern.MatchString(v) {
		return fmt.Sprintf("%q doesn't match %s", v, s.Pattern)
	}
	return ""
}

func wrongType(s *schema, v string) string {
	var err error
	switch s.Type + " " + s.Format {
	case "boolean ":
		if v != "true" && v != "false" {
			return fmt.Sprintf("%q is no boolean", v)
		}
	case "integer int32":
		_, err = strconv.ParseInt(v, 10, 32)
	case "integer uint32":
		_, err = strconv.ParseUint(v, 10, 32)
	case "string int64":
		_, err = strconv.ParseInt(v, 10, 64)
	case "string uint64":
		_, err = strconv.ParseUint(v, 10, 64)
	case "number double", "number float":
		_, err = strconv.ParseFloat(v, 64)
	case "string byte":
		_, err = base64.StdEncoding.DecodeString(v)
	case "string google-datetime":
		_, err = time.Parse(time.RFC3339Nano, v)
	case "string google-duration":
		if !duration.MatchString(v) {
			return fmt.Sprintf("%q is no duration in seconds", v)
		}
	case "string google-fieldmask":
		if !fieldMask.MatchString(v) {
			return fmt.Sprintf("%q is no list of fields", v)
		}
	case "string ":
	default:
		return fmt.Sprintf("the document has a format %q of %s that isn't checked", s.Format, s.Type)
	}
	if err != nil {
		return fmt.Sprintf("%q is no %s", v, s.Format)
	}
	return ""
}
