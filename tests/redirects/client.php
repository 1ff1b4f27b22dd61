<?php
// Sends one request with a client of PHP, and prints the status and the server's echo.
[, $client, $method, $url, $body] = $argv;
$headers = ['Authorization: Api-Key abcdefgh.secret', 'Content-Type: application/json'];
if ($client === 'streams') {
    $options = ['method' => $method, 'header' => $headers, 'ignore_errors' => true];
    if ($method !== 'GET') {
        $options['content'] = $body;
    }
    $text = file_get_contents($url, false, stream_context_create(['http' => $options]));
    $statuses = array_values(preg_grep('#^HTTP/#', $http_response_header));
    echo explode(' ', end($statuses))[1], ' ', $text, "\n";
    exit;
}
$curl = curl_init($url);
curl_setopt_array($curl, [
    CURLOPT_CUSTOMREQUEST => $method,
    CURLOPT_HTTPHEADER => $headers,
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_FOLLOWLOCATION => $client === 'curl-following',
]);
if ($method !== 'GET') {
    curl_setopt($curl, CURLOPT_POSTFIELDS, $body);
}
$text = curl_exec($curl);
echo curl_getinfo($curl, CURLINFO_RESPONSE_CODE), ' ', $text, "\n";
