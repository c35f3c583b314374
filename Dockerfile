# The container form of the stack: the functions in AWS's base image, and what plays AWS around them.
# Nothing is installed here: `make containers` writes build/containers, whose folders are copied.
#   docker build --target score .      the score function; batch and front likewise
#   --build-arg BASE=IMAGE             another base with Lambda's Python 3.13, an emulator and its entrypoint
ARG BASE=public.ecr.aws/lambda/python:3.13

FROM ${BASE} AS score
COPY build/containers/functions/ScoreFunction /var/task
CMD ["functions.score.app.lambda_handler"]

FROM ${BASE} AS batch
COPY build/containers/functions/BatchFunction /var/task
CMD ["functions.batch.app.lambda_handler"]

# The gateway, the poller, and moto's S3, SQS and EventBridge, under the same Python.
FROM ${BASE} AS front
COPY build/containers/front /front
WORKDIR /front
ENV PYTHONPATH=/front/packages:/front PYTHONDONTWRITEBYTECODE=1
ENTRYPOINT ["python3.13", "-m"]
CMD ["infra.containers.front"]
