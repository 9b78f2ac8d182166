package pruning_test

import "github.com/spacekeeper/spacekeeper/internal/store/storetest"

var (
	clock  = storetest.Clock
	join   = storetest.Join
	record = storetest.Record
	column = storetest.Column
)
