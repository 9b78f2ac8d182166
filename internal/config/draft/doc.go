// Package draft writes a first configuration: it holds the answers that one
// needs, the questions that ask for them, and the commented file.
//
// [Answers.Write] writes a whole file or none, and only one that loads. It holds
// no secret: it names the files that do.
package draft
