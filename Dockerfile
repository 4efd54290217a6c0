# syntax=docker/dockerfile:1
# The digest decides, the tag is for people; renew both together.
ARG PYTHON=python:3.14.8-slim-trixie@sha256:f85c5697265c178cc6887276c55fe16cf3d14ca35c3df6a5eab3b360534a55d2

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
# Wheels only: nothing of a dependency runs while the image is built.
COPY requirements/run.txt /src/run.txt
RUN python -m venv --without-pip /opt/ninefold \
 && python -m pip --python /opt/ninefold/bin/python install --require-hashes --only-binary=:all: -r /src/run.txt
# Sources are copied, not installed: no build backend is needed, and a change of code leaves the layer above alone.
COPY operator/ninefold /opt/ninefold/app/ninefold
# The root file system is read-only in the cluster, so the bytecode is made here.
RUN /opt/ninefold/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/ninefold/app /opt/ninefold/lib

FROM ${PYTHON}
LABEL org.opencontainers.image.title="ninefold" \
      org.opencontainers.image.description="One Kubernetes operator for site reliability engineering" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/ninefold /opt/ninefold
ENV PATH=/opt/ninefold/bin:$PATH \
    PYTHONPATH=/opt/ninefold/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
# A number, so that the kubelet can see that it is not root.
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["python", "-m", "ninefold"]
CMD ["run"]
