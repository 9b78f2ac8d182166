package events

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// envelope is what the attributes say.
type envelope struct {
	cloudEvent bool // there are ce-* attributes
	json       bool // the data is said to be JSON, or nothing is said of it
	id         string
	source     string
	ceType     string
	subject    string
	time       time.Time
}

// readAttributes checks the attributes and reads the CloudEvent's out of them.
func readAttributes(attributes map[string]string) (envelope, *Malformed) {
	if len(attributes) > maxAttributes {
		return envelope{}, malformed(ReasonBadAttribute, "%d attributes; %d are allowed", len(attributes), maxAttributes)
	}
	var env envelope
	var version, stamp, contentType string
	structured := false
	for key, value := range attributes {
		if bad := checkAttribute(key, value); bad != nil {
			return envelope{}, bad
		}
		switch key {
		case "ce-id":
			env.id = value
		case "ce-source":
			env.source = value
		case "ce-type":
			env.ceType = value
		case "ce-subject":
			env.subject = value
		case "ce-time":
			stamp = value
		case "ce-specversion":
			version = value
		case "ce-datacontenttype":
			contentType = value
		default:
			if strings.EqualFold(key, "content-type") && isStructured(value) {
				structured = true
			}
		}
		env.cloudEvent = env.cloudEvent || strings.HasPrefix(key, "ce-")
	}
	switch {
	case structured || isStructured(contentType):
		return envelope{}, structuredMode()
	case !env.cloudEvent:
		return env, nil
	case env.ceType == "":
		return envelope{}, missingAttribute("ce-type")
	case env.id == "":
		return envelope{}, missingAttribute("ce-id")
	case env.source == "":
		return envelope{}, missingAttribute("ce-source")
	case stamp == "":
		return envelope{}, missingAttribute("ce-time")
	case version == "":
		return envelope{}, missingAttribute("ce-specversion")
	case version != "1.0":
		return envelope{}, malformed(ReasonUnsupportedVersion, "ce-specversion is %.20q; 1.0 is what Google sends", version)
	}
	var ok bool
	if env.time, ok = parseTime(stamp); !ok {
		return envelope{}, malformed(ReasonBadTime, "ce-time is %.40q, which isn't an RFC 3339 time", stamp)
	}
	env.json = contentType == "" || isJSON(contentType)
	return env, nil
}

func checkAttribute(key, value string) *Malformed {
	switch {
	case len(key) > maxAttributeKey:
		return malformed(ReasonBadAttribute, "an attribute with a key of %d bytes; %d are allowed", len(key), maxAttributeKey)
	case len(value) > maxAttributeValue:
		return malformed(ReasonBadAttribute, "attribute %.40q has %d bytes; %d are allowed", key, len(value), maxAttributeValue)
	case !isText(key) || !isText(value):
		return malformed(ReasonBadAttribute, "attribute %.40q isn't UTF-8, or holds a NUL", key)
	}
	return nil
}

// isText reports whether Postgres can hold s.
func isText(s string) bool {
	return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

// isStructured reports whether a media type is that of a CloudEvent whose
// attributes are inside the data.
func isStructured(mediaType string) bool {
	const prefix = "application/cloudevents"
	return len(mediaType) >= len(prefix) && strings.EqualFold(mediaType[:len(prefix)], prefix)
}

// isJSON reports whether a media type, parameters aside, is JSON's.
func isJSON(mediaType string) bool {
	essence, _, _ := strings.Cut(mediaType, ";")
	return strings.EqualFold(strings.TrimSpace(essence), "application/json")
}

func structuredMode() *Malformed {
	return malformed(ReasonStructuredMode,
		"a CloudEvent in structured mode (application/cloudevents); Google sends binary mode, with ce-* attributes")
}

func missingAttribute(key string) *Malformed {
	return malformed(ReasonMissingAttribute, "the attribute %s is missing or empty", key)
}

// malformed is for what has no place in the data.
func malformed(reason Reason, format string, args ...any) *Malformed {
	return &Malformed{Reason: reason, Detail: fmt.Sprintf(format, args...), Offset: -1}
}
