package mend_test

import "github.com/spacekeeper/spacekeeper/internal/store/storetest"

const space = storetest.Space

var (
	epoch      = storetest.Epoch
	clock      = storetest.Clock
	at         = storetest.At
	live       = storetest.Live
	message    = storetest.Message
	membership = storetest.Membership
	decoded    = storetest.Decoded
	record     = storetest.Record
	column     = storetest.Column
)
