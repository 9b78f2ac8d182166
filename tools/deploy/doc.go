// Package deploy holds nothing but the checks of how Spacekeeper is released and
// deployed: images, packages, manifests, compose, workflows. Their libraries are in
// this module's go.mod, so that the service's stays small.
package deploy
