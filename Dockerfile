# The image of durahook: docker build --build-arg VERSION="$(git describe --tags --always)" -t durahook .
# It holds one static program and certificates: no shell, no package manager, no root.

FROM --platform=$BUILDPLATFORM golang:1.26.8-bookworm AS build
WORKDIR /src
# Modules change less often than code, so they are a layer of their own.
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=dev
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false \
    -ldflags "-s -w -X github.com/durahook/durahook/internal/version.stamped=$VERSION" \
    -o /out/durahook ./cmd/durahook

# The tag moves; the digest is the list of its builds for all platforms as of August 2026.
FROM gcr.io/distroless/static-debian12:nonroot@sha256:afa5c872c891853ca7fcf1f12c3edb23f7eeef36189728842dd51042ff57f7ab
LABEL org.opencontainers.image.title="durahook" \
      org.opencontainers.image.description="Webhooks that survive anything" \
      org.opencontainers.image.source="https://github.com/durahook/durahook" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/durahook /durahook
USER nonroot
EXPOSE 8080
ENTRYPOINT ["/durahook"]
CMD ["serve"]
