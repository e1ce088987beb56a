"""The core: functions behind C pointers, systems and states, sampling, traces, stores, errors."""
