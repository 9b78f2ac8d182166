package engine_test

import (
	"context"
	"errors"
)

// unavailable is the other side when it is away.
func unavailable(context.Context, said) error { return errors.New("the other side is away") }
