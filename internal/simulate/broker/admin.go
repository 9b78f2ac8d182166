package broker

import (
	"iter"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

const defaultPage = 100

// page returns one page of the names that begin with prefix, in order. The
// token is the last name of the page before.
func page(names iter.Seq[string], prefix string, size int32, token string) (_ []string, next string, _ error) {
	if size < 0 {
		return nil, "", invalid("Invalid page_size: %d.", size)
	}
	if size == 0 {
		size = defaultPage
	}
	var out []string
	for _, name := range slices.Sorted(names) {
		if strings.HasPrefix(name, prefix) && name > token {
			out = append(out, name)
		}
	}
	if len(out) > int(size) {
		out = out[:size]
		next = out[size-1]
	}
	return out, next, nil
}

// applyMask copies the fields that the mask names from src to dst. Only the
// given fields may be named.
func applyMask(dst, src proto.Message, mask *fieldmaskpb.FieldMask, mutable ...string) error {
	if len(mask.GetPaths()) == 0 {
		return invalid("The update_mask must name at least one field.")
	}
	to, from := dst.ProtoReflect(), src.ProtoReflect()
	for _, path := range mask.GetPaths() {
		field := to.Descriptor().Fields().ByName(protoreflect.Name(path))
		if field == nil || !slices.Contains(mutable, path) {
			return invalid("Invalid update_mask provided in the UpdateSubscriptionRequest or UpdateTopicRequest: %q is not a known mutable field.", path)
		}
		if from.Has(field) {
			to.Set(field, from.Get(field))
		} else {
			to.Clear(field)
		}
	}
	return nil
}
