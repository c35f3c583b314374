# The stack in containers: the functions in AWS's base image, and stand-ins for the AWS services around them.
# Nothing is installed here; `make containers` writes the folders of build/containers that are copied.
#   docker build --target score .      builds the score function; the other targets are batch and front
#   --build-arg BASE=IMAGE             uses another base image with Lambda's Python 3.13, emulator and entrypoint
ARG BASE=public.ecr.aws/lambda/python:3.13

FROM ${BASE} AS score
COPY build/containers/functions/ScoreFunction /var/task
CMD ["functions.score.app.lambda_handler"]

FROM ${BASE} AS batch
COPY build/containers/functions/BatchFunction /var/task
CMD ["functions.batch.app.lambda_handler"]

# Stand-ins for API Gateway and the queue poller, and moto's S3, SQS and EventBridge, under the same Python.
FROM ${BASE} AS front
COPY build/containers/front /front
WORKDIR /front
ENV PYTHONPATH=/front/packages:/front PYTHONDONTWRITEBYTECODE=1
ENTRYPOINT ["python3.13", "-m"]
CMD ["infra.containers.front"]
