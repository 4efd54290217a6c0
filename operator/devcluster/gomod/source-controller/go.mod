// For its CRDs alone: the controller itself is not built.
module ninefold.dev/devcluster/source

go 1.26.0

require github.com/fluxcd/source-controller v1.9.6
