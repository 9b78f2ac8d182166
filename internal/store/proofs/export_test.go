package proofs

// VerifyIn is Verify within a transaction, which may have changed something.
var VerifyIn = (*Log).verifyIn
