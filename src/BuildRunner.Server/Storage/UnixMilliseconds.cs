using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace BuildRunner.Server.Storage;

/// <summary>Times as whole Unix milliseconds.</summary>
internal sealed class UnixMilliseconds() : ValueConverter<DateTimeOffset, long>(
    time => time.ToUnixTimeMilliseconds(),
    milliseconds => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds));
