package coverage_test

import "github.com/spacekeeper/spacekeeper/internal/store/storetest"

const ann, space = storetest.Ann, storetest.Space

var (
	epoch   = storetest.Epoch
	clock   = storetest.Clock
	at      = storetest.At
	live    = storetest.Live
	message = storetest.Message
	record  = storetest.Record
	column  = storetest.Column
)
