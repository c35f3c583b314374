"""Faults of the batch and backfill functions."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

BATCH: Final = {
    "overwrites an output": Mutant(
        "functions/shared/storage.py",
        ', IfNoneMatch="*"',
        "",
        "functional/batch/faults/test_storage_faults.py::test_b26_the_first_commit_wins",
    ),
    "takes any 412 for its own upload": Mutant(
        "functions/shared/storage.py",
        "return found.metadata.get(SHA256_METADATA) == digest",
        "return True",
        "functional/batch/faults/test_storage_faults.py::test_b26_the_first_commit_wins",
    ),
    "takes a 412 for a failure": Mutant(
        "functions/shared/storage.py",
        "if answered_code(fault) not in CONDITION_FAILED:",
        "if True:",
        "functional/batch/faults/test_storage_faults.py::test_b25_a_lost_answer_causes_no_second_output",
    ),
    "gives up at a 409": Mutant(
        "functions/shared/aws_errors.py",
        "if error_code(error) not in CONFLICT:",
        "if True:",
        "functional/batch/faults/test_storage_faults.py::test_b27_a_conflict_is_tried_again",
    ),
    "reads the newest version": Mutant(
        "functions/shared/storage.py",
        '{"VersionId": source.version_id} if source.version_id else',
        "{} if source.version_id else",
        "functional/batch/test_batch_events.py::test_b3_an_overwritten_object_is_read_in_the_events_own_version",
    ),
    "reads without comparing the etag": Mutant(
        "functions/shared/storage.py",
        '{"IfMatch": f\'"{source.etag}"\'}',
        "{}",
        "functional/batch/test_batch_events.py::test_b4_without_versions_an_overwritten_object_is_left_to_its_next_event",
    ),
    "takes an archived object for an outage": Mutant(
        "functions/shared/storage.py",
        "with typed_faults(INPUT_FAULTS):\n            answer = self._s3.get_object",
        "with typed_faults({}):\n            answer = self._s3.get_object",
        "functional/batch/faults/test_storage_faults.py::test_b20_an_object_that_is_archived_after_the_head_request_leaves_a_record_too",
    ),
    "decodes a notification's key twice": Mutant(
        "functions/shared/messages.py",
        'key = unquote_plus(described["key"], errors="strict")',
        'key = unquote_plus(unquote_plus(described["key"], errors="strict"))',
        "functional/batch/test_batch_events.py::test_an_odd_key_names_exactly_its_object",
    ),
    "decodes an event's key": Mutant(
        "functions/shared/messages.py",
        'detail["bucket"]["name"], described["key"],',
        'detail["bucket"]["name"], unquote_plus(described["key"]),',
        "functional/batch/test_batch_events.py::test_an_odd_key_names_exactly_its_object",
    ),
    "scores its own output": Mutant(
        "functions/shared/messages.py",
        "if source.bucket != input_bucket or own_results:",
        "if False:",
        "functional/batch/test_batch_events.py::test_b16_the_functions_own_output_is_never_its_input",
    ),
    "returns no answer": Mutant(
        "functions/batch/app.py",
        'return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}',
        "return None",
        "functional/batch/test_batch_events.py::test_an_object_becomes_its_scores",
    ),
    "deletes messages before the output is written": Mutant(
        "functions/batch/app.py",
        "return all(handled.action is not Action.RETRIED for handled in results)",
        "return True",
        "functional/batch/faults/test_storage_faults.py::test_b24_while_the_output_bucket_fails_there_is_no_output",
    ),
    "deletes messages without a record": Mutant(
        "functions/batch/delivery.py",
        'message, "quarantine"), Action.RETRIED',
        'message, "quarantine"), Action.NO_OP',
        "functional/batch/faults/test_batch_faults.py::test_b37_a_message_is_kept_until_its_record_is_written",
    ),
    "retries a crashing file for ever": Mutant(
        "functions/shared/outcomes.py",
        '"reader-crash", Action.RETRIED, Action.QUARANTINED',
        '"reader-crash", Action.RETRIED',
        "functional/batch/faults/test_batch_faults.py::test_c39_a_reader_that_dies_gets_two_more_chances",
    ),
    "does not check the size limit": Mutant(
        "functions/batch/object_job.py",
        "        self._check_caps(described)\n",
        "",
        "functional/batch/faults/test_storage_faults.py::test_b19_the_size_limit_is_inclusive",
    ),
    "ignores the declared sha256": Mutant(
        "functions/batch/object_job.py",
        "if declared is not None and declared.strip().lower() != digest:",
        "if False:",
        "functional/batch/test_batch_files.py::test_c38_with_a_declared_checksum_a_flipped_bit_is_never_scored",
    ),
    "sends no event after a crash": Mutant(
        "functions/batch/object_job.py",
        "            self._announce(source, result, found.metadata)\n",
        "",
        "functional/batch/test_announcements.py::test_a_repeated_delivery_announces_the_scores_again",
    ),
    "finishes a run with open parts": Mutant(
        "functions/backfill/manifest.py",
        "    if still_open:\n",
        "    if False:\n",
        "functional/batch/backfill/test_random_schedules.py::"
        "test_random_schedules_of_runs_score_each_row_once_and_write_one_manifest",
    ),
    "downloads for ever": Mutant(
        "functions/shared/storage.py",
        "if seconds_left() < 0:",
        "if False:",
        "functional/batch/faults/test_changes_and_delays.py::test_b29_a_download_that_exceeds_the_time_is_given_up_before_it_ends",
    ),
    "ignores an event that EventBridge refused": Mutant(
        "functions/shared/storage.py",
        'if answer["FailedEntryCount"]:',
        "if False:",
        "functional/batch/test_announcements.py::test_a_failed_announcement_is_counted_and_the_message_is_done",
    ),
    "delivers a message again because of its announcement": Mutant(
        "functions/batch/object_job.py",
        "            result.announcement_fault = str(fault)\n",
        "            raise\n",
        "functional/batch/test_announcements.py::test_a_failed_announcement_is_counted_and_the_message_is_done",
    ),
    "takes a restored object for an archived one": Mutant(
        "functions/shared/storage.py",
        "in_archive and not restored",
        "in_archive",
        "functional/batch/faults/test_storage_faults.py::test_b20_an_archived_object_that_was_restored_is_scored",
    ),
    "writes a wrong sha256 of the input": Mutant(
        "functions/batch/object_job.py",
        '"churn.input.sha256": digest,',
        '"churn.input.sha256": digest[::-1],',
        "functional/batch/test_batch_guarantees.py::test_an_outputs_footer_names_its_input_and_its_drift",
    ),
    "overwrites an output after a conflict": Mutant(
        "functions/shared/storage.py",
        ', IfNoneMatch="*", **more)',
        ", **({} if vars(put).get('once') else vars(put).setdefault('once', {'IfNoneMatch': '*'})), **more)",
        "functional/batch/faults/test_storage_faults.py::test_b27_b26_after_a_conflict_the_first_commit_still_wins",
    ),
    "does not compare the size of a download": Mutant(
        "functions/shared/storage.py",
        "if destination.stat().st_size != size:",
        "if False:",
        "functional/batch/faults/test_storage_faults.py::test_b23_a_download_of_another_size_is_read_again",
    ),
    "keeps the files of a killed attempt": Mutant(
        "functions/batch/object_job.py",
        "        shutil.rmtree(root, ignore_errors=True)\n        root.mkdir",
        "        root.mkdir",
        "functional/batch/faults/test_batch_faults.py::test_b34_files_of_a_killed_attempt_are_deleted",
    ),
    "starts scoring without enough time": Mutant(
        "functions/batch/object_job.py",
        "if seconds <= 0:",
        "if False:",
        "functional/batch/faults/test_batch_faults.py::test_b29_scoring_does_not_start_without_time_for_the_output",
    ),
    "passes on its credentials": Mutant(
        "functions/batch/scoring_process.py",
        'if name in _PASSED_ON or name.startswith("CHURN_")',
        "if name",
        "functional/batch/faults/test_batch_faults.py::test_the_process_that_reads_has_no_credentials",
    ),
    "does not watch memory": Mutant(
        "functions/batch/scoring_process.py",
        "if self.peak_kilobytes > limit:",
        "if self.peak_kilobytes > 2 * limit:",
        "functional/batch/hostile/test_bombs.py::test_c28_a_file_that_takes_all_memory_is_stopped_by_the_watchdog",
    ),
    "leaves its reader running": Mutant(
        "functions/batch/scoring_child.py",
        "    _die_with_parent()\n",
        "    import time; time.sleep(90)\n",
        "functional/batch/interruptions/test_crash_points.py::test_b28_a_process_killed_at_any_step_leaves_one_complete_output"
        "[while the file is read]",
    ),
    "trusts a file's statistics": Mutant(
        "churn_core/scoring/files/scoring_pass.py",
        "SET disabled_optimizers = 'filter_pushdown,statistics_propagation';",
        "",
        "unit/churn_core/scoring/files/test_sandbox.py::test_c24_statistics_of_a_file_decide_nothing",
    ),
    "does not check pages": Mutant(
        "churn_core/scoring/files/scoring_pass.py",
        "    check_pages(local)\n",
        "",
        "functional/batch/test_batch_files.py::test_g8_c36_each_file_has_its_outcome_and_the_next_is_scored",
    ),
    "does not compare page checksums": Mutant(
        "churn_core/scoring/parquet/pages.py",
        "if self._checksum(start, size) != header[_PAGE_CRC] & 0xFFFFFFFF:",
        "if False:",
        "functional/batch/test_batch_files.py::test_c38_a_flipped_bit_in_a_page_with_a_checksum_never_changes_a_score",
    ),
    "keeps an old record for a new fault": Mutant(
        "functions/batch/quarantine.py",
        "        if REQUEUED in record or ",
        "        if ",
        "functional/batch/test_operations.py::test_what_fails_again_is_in_quarantine_again",
    ),
}
