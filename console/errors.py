"""Errors of the console: what a person can do something about. The command prints the message and no traceback.

ConsoleError                 exit code 2: the command cannot do what was asked
├── BrokerUnavailableError   no broker answers at the address, or the embedded one does not start
├── NoSuchTopicError         the broker answers, but a topic of the city is not there
├── LogTooLargeError         there is more to replay than was allowed
├── LogFileError             a saved log cannot be written, read or understood
├── DemoFailedError          a part of the demonstration stopped by itself
├── RegistryTooSparseError   a registry has too few cameras for a story among them
└── CityFolderError          the folder of a city cannot be made, or a part of it cannot be used
"""


class ConsoleError(Exception):
    """Base of all errors of this package; its text is for people and says what to do."""


class BrokerUnavailableError(ConsoleError):
    """No broker answers at the address, or the embedded one does not start."""


class NoSuchTopicError(ConsoleError):
    """The broker answers, but a topic of the city is not there."""


class LogTooLargeError(ConsoleError):
    """There is more to replay than was allowed."""


class LogFileError(ConsoleError):
    """A saved log cannot be written, read or understood."""


class DemoFailedError(ConsoleError):
    """A part of the demonstration stopped by itself."""


class RegistryTooSparseError(ConsoleError):
    """A registry has too few cameras for a story among them."""


class CityFolderError(ConsoleError):
    """The folder of a city cannot be made, or a part of it cannot be used."""
