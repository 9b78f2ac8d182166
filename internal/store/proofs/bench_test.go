package proofs_test

import (
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// Sealing is to do 20,000 leaves a second, and verifying 100,000, rows included.
func BenchmarkSeal(b *testing.B) {
	s, log := newLog(b)
	mix := storetest.NewMix(9)
	sealed := 0
	for b.Loop() {
		b.StopTimer()
		for range 20 {
			storetest.Record(b, s, mix.Batch(1000)...)
		}
		b.StartTimer()
		n, err := log.Seal(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		sealed += n
	}
	b.ReportMetric(float64(sealed)/b.Elapsed().Seconds(), "leaves/s")
}

func BenchmarkVerify(b *testing.B) {
	s, log := newLog(b)
	mix := storetest.NewMix(9)
	for range 60 {
		storetest.Record(b, s, mix.Batch(1000)...)
	}
	seal(b, log)
	leaves := 0
	for b.Loop() {
		r := verify(b, log)
		if !r.Sound() {
			b.Fatal(r.Findings)
		}
		leaves += int(r.Leaves)
	}
	b.ReportMetric(float64(leaves)/b.Elapsed().Seconds(), "leaves/s")
}
